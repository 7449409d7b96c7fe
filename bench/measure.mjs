/** How anything is timed: pairs in turn, one warm-up, medians of pairwise ratios. */
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

/** Wall seconds of one process; throws what it complains of when it fails, for a failed run measures nothing. `on` is given its lines. */
export function wall(command, args, { env = process.env, cwd, ok = [0], on } = {}) {
  return new Promise((resolve, reject) => {
    const from = performance.now();
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', on ? 'pipe' : 'ignore', 'pipe'] });
    if (on) createInterface(child.stdout).on('line', on);
    let said = '';
    child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-2000)));
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = (performance.now() - from) / 1000;
      if (ok.includes(code)) resolve(seconds);
      else reject(new Error(`${[command, ...args].join(' ')} ended with ${code}: ${said}`));
    });
  });
}

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** A B A B: `a` and `b` give seconds. The first pair is thrown away unless `warm` is false. */
export async function inTurn(a, b, { runs, warm = true }) {
  const pairs = [];
  for (let at = warm ? -1 : 0; at < runs; at += 1) {
    const pair = { a: await a(), b: await b() };
    if (at >= 0) pairs.push(pair);
  }
  const ratios = pairs.map((pair) => pair.a / pair.b);
  return {
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    a: median(pairs.map((pair) => pair.a)),
    b: median(pairs.map((pair) => pair.b)),
    runs,
  };
}
