/** The page that `doctor` prints: the hops, the root, what follows, what was not seen; and nothing that steers the terminal. */
import { describe, expect, it } from 'vitest';
import { paint } from '../../src/ui/colour.ts';
import type { DoctorFinding, DoctorResult } from '../../src/engine/types.ts';
import { doctorLines } from '../../src/ui/doctor-report.ts';

const look = { columns: 80, paint: paint(false) };
const problem = (code: string, message: string) => ({ code, message, fix: 'do this' });
const finding = (one: Omit<DoctorFinding, 'autofix' | 'classes'>): DoctorFinding => ({ ...one, autofix: 'no', classes: [] });
const well: DoctorResult = { mode: 'cluster', healthy: true, findings: [], hops: [], notCollected: [], subject: {} };

describe('the report of doctor', () => {
  const root = finding({
    check: 'alloy.varlog',
    hop: 'alloy-read',
    role: 'root',
    severity: 'fail',
    problem: problem('ALLOY_NO_VARLOG', 'not\u001b[31m mounted'),
  });
  const page = doctorLines(
    {
      mode: 'cluster',
      healthy: false,
      root,
      findings: [
        root,
        finding({ check: 'alloy.files', hop: 'alloy-read', role: 'consequence', severity: 'fail', problem: problem('ALLOY_NO_FILES', 'no file is followed') }),
        finding({ check: 'grafana.login', hop: 'grafana-datasource', role: 'also', severity: 'fail', problem: problem('DATASOURCE_NO_LOGIN', 'no login') }),
        finding({ check: 'alloy.cri', hop: 'alloy-read', role: 'also', severity: 'warn', problem: problem('ALLOY_NO_CRI', 'the prefix stays') }),
      ],
      hops: [
        { hop: 's3', state: 'pass', detail: 'chunks' },
        { hop: 'alloy-read', state: 'fail' },
        { hop: 'query', state: 'skip', detail: 'nobody has a login' },
      ],
      notCollected: [{ what: 'role x', why: 'not allowed' }],
      subject: { cluster: 'demo', collectors: ['a', 'b'] },
    },
    look,
  ).join('\n');

  it('has the root before what follows and what is wrong by itself', () => {
    const places = [
      'cluster     demo',
      'collectors  a; b',
      '✔ s3',
      '✖ alloy-read',
      '– query',
      'Root cause at alloy-read  [ALLOY_NO_VARLOG]',
      'not mounted',
      'Also broken:',
      'no login',
      'Likely symptoms:',
      'no file is followed',
      'Warnings:',
      'fix: do this',
      'Not checked:',
      'role x: not allowed',
      '✖ 2 problems found (1 likely symptom).',
    ];
    const found = places.map((text) => page.indexOf(text));
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(page).not.toContain('\u001b');
  });

  it('says that all is well, of a cluster and of files', () => {
    expect(doctorLines(well, look).at(-1)).toBe('✔ Logs flow end to end.');
    expect(doctorLines({ ...well, hops: [{ hop: 'query', state: 'skip' }] }, look).at(-1)).toBe('▲ No problems found, but delivery could not be verified.');
    expect(doctorLines({ ...well, mode: 'values' }, look).at(-1)).toBe('✔ No problems found in these values.');
  });
});
