/** What a sandbox with real programs is started with; loaded only for one. */
export { findBinaries } from './binaries.ts';
export { openRealLogPath, realHosts } from './real-log-path.ts';
