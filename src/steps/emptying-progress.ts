/** Progress of emptying a bucket, in words: how many, how fast, how long remaining. */
import type { BucketContents } from '../ports/buckets.ts';

/** Object counts for humans: `12,000`. */
export const counted = (objects: number): string => objects.toLocaleString('en-US');

/** Minimum time between lines, except for the last one. */
const EVERY_MS = 2000;
/** The window over which the rate is measured: S3's pace changes. */
const WINDOW_MS = 20_000;

/**
 * Given the number deleted so far, returns the line to print, or `undefined` when the last one is recent enough. `of` is the number of
 * objects when they were counted.
 */
export function emptyingProgress(of: BucketContents | undefined, now: () => Date): (deleted: number) => string | undefined {
  let marks = [{ at: now().getTime(), deleted: 0 }];
  let saidAt = Number.NEGATIVE_INFINITY;
  return (deleted) => {
    const at = now().getTime();
    const over = of?.exact === true && deleted >= of.objects;
    if (at - saidAt < EVERY_MS && !over) return undefined;
    saidAt = at;
    marks = [...marks.filter((mark, index) => at - mark.at <= WINDOW_MS || index === marks.length - 1), { at, deleted }];
    const [first] = marks;
    const seconds = (at - first!.at) / 1000;
    const rate = seconds >= 1 ? (deleted - first!.deleted) / seconds : 0;
    const total = of && of.objects >= deleted ? ` of ${of.exact ? '' : 'more than '}${counted(of.objects)}` : '';
    const left = of?.exact === true && rate > 0 && !over ? (of.objects - deleted) / rate : undefined;
    return `${counted(deleted)}${total} objects deleted${rate > 0 ? `, ${counted(Math.round(rate))} a second` : ''}${left === undefined ? '' : `, ${time(left)} left`}`;
  };
}

function time(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
