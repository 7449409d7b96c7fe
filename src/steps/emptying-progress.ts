/** How far the emptying of a bucket is, in words: how many, how fast, how long still. */
import type { BucketContents } from '../ports/buckets.ts';

/** Objects as a reader counts them: `12,000`. */
export const counted = (objects: number): string => objects.toLocaleString('en-US');

/** No more often than this, but for the end. */
const EVERY_MS = 2000;
/** The rate is of the time since about then: S3's pace changes. */
const WINDOW_MS = 20_000;

/**
 * Given the number deleted so far, gives the line to say, or `undefined` when the last one is fresh enough. `of` is what there was to delete
 * when it was counted.
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
