/** The generated reference holds everything, and the permissions are those that the adapters really use. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { commands, groups } from '../../src/cli/commands.ts';
import { referencePages } from '../../src/cli/reference.ts';
import { awsPermissions, roleActions } from '../../src/cli/reference-permissions.ts';
import { settingSpecs } from '../../src/design/setting-specs.ts';
import { eventDocs } from '../../src/engine/event-docs.ts';
import { catalogue } from '../../src/problems/catalogue.ts';

const root = join(import.meta.dirname, '..', '..');
const pages = referencePages();
const headings = (page: string) => (pages[page] ?? '').split('\n').flatMap((line) => /^## (.+)$/.exec(line)?.[1] ?? []);

describe('reference', () => {
  it('has every code, setting, command and event', () => {
    expect(headings('errors.md')).toEqual(Object.keys(catalogue).toSorted());
    expect(headings('events.md')).toEqual(Object.keys(eventDocs));
    for (const { key, flag, env } of settingSpecs) expect(pages['settings.md']).toContain(`| \`${key}\` | \`${flag}\` | \`${env}\` |`);
    for (const { name, hidden } of commands) if (!hidden && !groups.has(name)) expect(headings('commands.md').join('\n')).toContain(`loki-eks ${name}`);
  });

  it('has tables whose rows are as wide as their heads', () => {
    for (const page of Object.values(pages)) {
      let columns = 0;
      for (const line of page.split('\n')) {
        const cells = line.startsWith('| ') ? line.replaceAll('\\|', '').split('|').length : 0;
        if (cells > 0 && columns > 0) expect(line && cells).toBe(columns);
        columns = cells;
      }
    }
  });
});

describe('permissions', () => {
  const folder = join(root, 'src', 'adapters', 'aws');
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const used = new Set([...sources.matchAll(/'((?:s3|iam|eks|sts):[A-Z]\w+)'/g)].map((match) => match[1] ?? ''));
  const listed = new Set([...awsPermissions.flatMap(({ actions }) => actions), ...roleActions]);

  it('list every action that the adapters ask for', () => {
    expect(used.size).toBeGreaterThan(30);
    expect([...used].filter((action) => !listed.has(action))).toEqual([]);
  });

  it('list nothing that nobody needs', () => {
    // Needed by a call of another name: versions by DeleteObjects, tags by the Create calls, the role by an association.
    const implied = [
      'eks:DescribeAddon',
      'eks:TagResource',
      'iam:PassRole',
      'iam:SimulatePrincipalPolicy',
      'iam:TagOpenIDConnectProvider',
      's3:DeleteObjectVersion',
      's3:TagResource',
    ];
    expect(awsPermissions.flatMap(({ actions }) => actions).filter((action) => !used.has(action) && !implied.includes(action))).toEqual([]);
  });
});

describe('launcher', () => {
  const text = readFileSync(join(root, 'bin', 'loki-eks.js'), 'utf8').replace(/^#!.*/, '');
  const started = (node: string) => {
    let said = '';
    const process = { versions: { node }, exitCode: 0, stderr: { write: (line: string) => (said += line) } };
    // Nothing is loaded here: what fits is told from what does not by whether anything is said.
    runInNewContext(text.replace('import(', 'load('), { process, load: () => ({ catch: () => {} }) });
    return { said, exit: process.exitCode };
  };

  it.each(['12.22.12', '18.20.4', '20.18.3', '21.7.3', '22.0.0', '22.12.0'])('refuses Node %s with one line and exit 2', (node) => {
    const { said, exit } = started(node);
    expect(exit).toBe(2);
    expect(said).toBe(`loki-eks needs Node.js 20.19 or newer of 20, 22.13 or newer of 22, or 23 and later; this is ${node}\n`);
  });

  it.each(['20.19.0', '20.20.2', '22.13.0', '23.0.0', '24.1.0'])('runs on Node %s', (node) => {
    expect(started(node)).toEqual({ said: '', exit: 0 });
  });

  it('is written so that an old Node can read it', () => {
    expect(text.replace(/\/\/.*/g, '')).not.toMatch(/\b(const|let|class|async|await)\b|=>|`|\?\.|\?\?/);
  });
});
