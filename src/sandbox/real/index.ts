/** The entry point for a sandbox with real programs; loaded only for one. */
export { findBinaries } from './binaries.ts';
export { openRealLogPath, realHosts } from './real-log-path.ts';
