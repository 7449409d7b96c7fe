/** Fault rules: globs, from, times. */
import { describe, expect, it } from 'vitest';
import { createFaults } from './call-faults.ts';

describe('faults', () => {
  it('match by glob, and only the dots that are dots', () => {
    const faults = createFaults();
    faults.add({ call: 's3:Put*', how: 'deny' });
    expect(faults.match('s3:PutObject')?.how).toBe('deny');
    expect(faults.match('s3:GetObject')).toBeUndefined();
    faults.add({ call: 'kube:create:a.b', how: 'slow' });
    expect(faults.match('kube:create:axb')).toBeUndefined();
  });

  it('begin at the n-th call and end after so many', () => {
    const faults = createFaults();
    faults.add({ call: 'iam:CreateRole', how: 'throttle', from: 2, times: 2 });
    const seen = Array.from({ length: 5 }, () => faults.match('iam:CreateRole')?.how);
    expect(seen).toEqual([undefined, 'throttle', 'throttle', undefined, undefined]);
  });

  it('count a call for every rule that names it, and the first due wins', () => {
    const faults = createFaults();
    faults.add({ call: 's3:*', how: 'before', times: 1 });
    faults.add({ call: 's3:CreateBucket', how: 'lost', from: 2 });
    expect([faults.match('s3:CreateBucket')?.how, faults.match('s3:CreateBucket')?.how]).toEqual(['before', 'lost']);
    faults.clear();
    expect(faults.match('s3:CreateBucket')).toBeUndefined();
  });
});
