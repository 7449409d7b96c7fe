import { describe, expect, it } from 'vitest';
import { emptyingProgress } from './emptying-progress.ts';

const clockAt = () => {
  let seconds = 0;
  return { now: () => new Date(seconds * 1000), at: (second: number) => void (seconds = second) };
};
const of = (objects: number, exact = true) => ({ objects, bytes: 0, exact });

describe('emptyingProgress', () => {
  it('says how many of how many, how fast and how long still, at most every two seconds and at the end', () => {
    const clock = clockAt();
    const said = emptyingProgress(of(20_000), clock.now);
    const lines = [
      [0.1, 1000],
      [1, 5000],
      [2.5, 10_000],
      [4, 16_000],
      [5, 20_000],
    ].map(([at, deleted]) => (clock.at(at!), said(deleted!)));
    expect(lines).toEqual([
      '1,000 of 20,000 objects deleted',
      undefined,
      '10,000 of 20,000 objects deleted, 4,000 a second, 3 s left',
      undefined,
      '20,000 of 20,000 objects deleted, 4,000 a second',
    ]);
  });

  it('forgets how fast it was long ago', () => {
    const clock = clockAt();
    const said = emptyingProgress(of(10_000_000), clock.now);
    let line: string | undefined;
    for (let second = 2; second <= 10; second += 2) {
      clock.at(second);
      line = said(second * 10_000);
    }
    expect(line).toBe('100,000 of 10,000,000 objects deleted, 10,000 a second, 17 min left');
    for (let second = 12; second <= 60; second += 2) {
      clock.at(second);
      line = said(100_000 + (second - 10) * 1000);
    }
    expect(line).toBe('150,000 of 10,000,000 objects deleted, 1,000 a second, 2 h 45 min left');
  });

  it('promises nothing where the number is not known, or was wrong', () => {
    const clock = clockAt();
    const [unknown, more, wrong] = [
      emptyingProgress(undefined, clock.now),
      emptyingProgress(of(1_000_000, false), clock.now),
      emptyingProgress(of(5), clock.now),
    ];
    clock.at(4);
    expect([unknown(8000), more(8000), wrong(8000)]).toEqual([
      '8,000 objects deleted, 2,000 a second',
      '8,000 of more than 1,000,000 objects deleted, 2,000 a second',
      '8,000 objects deleted, 2,000 a second',
    ]);
  });
});
