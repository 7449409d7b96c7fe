import { describe, expect, it } from 'vitest';
import { doctorCatalogue, type DoctorCode } from '../problems/catalogue.ts';
import { everyStep } from '../steps/index.ts';
import { remediationOf, fixableElsewhere, remediationSteps } from './remediation.ts';

const codes = Object.keys(doctorCatalogue) as readonly DoctorCode[];

describe('what mends a finding', () => {
  it('is known of findings that may be mended, and of no other', () => {
    const wrong = codes.filter((code) => remediationSteps(code).length > 0 !== (doctorCatalogue[code].autofix !== 'no'));
    expect(wrong).toEqual([]);
    // What doctor uses, and explain prints, is what the catalogue and the runbook say.
    expect(codes.filter((code) => remediationOf(code, true) !== doctorCatalogue[code].autofix)).toEqual([]);
    expect(codes.filter((code) => (remediationOf(code, false) === 'confirm') !== fixableElsewhere(code))).toEqual([]);
    expect(codes.filter((code) => remediationSteps(code).length > 0).length).toBeGreaterThan(50);
  });

  it('are steps that there are', () => {
    const known = new Set(['pods', ...everyStep().map(({ id }) => id)]);
    expect(codes.flatMap((code) => remediationSteps(code)).filter((id) => !known.has(id))).toEqual([]);
  });

  it('is hardly anything where the installation is not ours', () => {
    expect(codes.filter(fixableElsewhere).toSorted()).toEqual(
      [
        'ALLOY_NO_VARLOG',
        'ALLOY_PERMISSION',
        'ALLOY_RBAC',
        'COLLECTOR_EXCLUDED_FROM_NODES',
        'LOKI_PODS_WITHOUT_ROLE',
        'READER_TENANT_MISSING',
        'READER_TENANT_MISMATCH',
      ].toSorted(),
    );
  });
});
