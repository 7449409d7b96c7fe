/** Preloaded into a measured process: writes its peak memory in KiB to the file that BENCH_PEAK names when it ends. */
import { writeFileSync } from 'node:fs';

if (process.env.BENCH_PEAK) process.on('exit', () => writeFileSync(process.env.BENCH_PEAK, String(process.resourceUsage().maxRSS)));
