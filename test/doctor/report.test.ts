/** The page that `doctor` prints: the hops, the root, what follows, what was not seen; and nothing that steers the terminal. */
import { describe, expect, it } from 'vitest';
import { paint } from '../../src/ui/colour.ts';
import { doctorLines } from '../../src/ui/doctor-report.ts';

const look = { columns: 80, paint: paint(false) };
const problem = (code: string, message: string) => ({ code, message, fix: 'do this' });

describe('the report of doctor', () => {
  const root = { check: 'alloy.varlog', hop: 'alloy-read', role: 'root', severity: 'fail', problem: problem('ALLOY_NO_VARLOG', 'not\u001b[31m mounted') };
  const page = doctorLines(
    {
      mode: 'cluster',
      healthy: false,
      root,
      findings: [
        root,
        { check: 'alloy.files', hop: 'alloy-read', role: 'consequence', severity: 'fail', problem: problem('ALLOY_NO_FILES', 'no file is followed') },
        { check: 'grafana.login', hop: 'grafana-datasource', role: 'also', severity: 'fail', problem: problem('DATASOURCE_NO_LOGIN', 'no login') },
        { check: 'alloy.cri', hop: 'alloy-read', role: 'also', severity: 'warn', problem: problem('ALLOY_NO_CRI', 'the prefix stays') },
      ],
      hops: [
        { hop: 's3', state: 'pass', saw: 'chunks' },
        { hop: 'alloy-read', state: 'fail' },
        { hop: 'query', state: 'skip', saw: 'nobody has a login' },
      ],
      unseen: [{ what: 'role x', why: 'not allowed' }],
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
      'Root cause, at alloy-read  [ALLOY_NO_VARLOG]',
      'not mounted',
      'Wrong by itself as well:',
      'no login',
      'Probably goes with it:',
      'no file is followed',
      'Worth a look:',
      'fix: do this',
      'Not looked at:',
      'role x: not allowed',
      '✖ 2 faults found, and 1 that probably goes with them.',
    ];
    const found = places.map((text) => page.indexOf(text));
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(page).not.toContain('\u001b');
  });

  it('says that all is well, of a cluster and of files', () => {
    expect(doctorLines({ mode: 'cluster', healthy: true }, look).at(-1)).toBe('✔ Logs go all the way.');
    expect(doctorLines({ mode: 'cluster', healthy: true, hops: [{ hop: 'query', state: 'skip' }] }, look).at(-1)).toBe(
      '▲ Nothing broken was found, but no line could be asked for.',
    );
    expect(doctorLines({ mode: 'values', healthy: true }, look).at(-1)).toBe('✔ Nothing in these values loses logs.');
    expect(doctorLines(null, look).at(-1)).toContain('0 faults');
  });
});
