/** The generated reference holds everything. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { commands, groups } from '../../src/cli/commands.ts';
import { referencePages } from '../../src/cli/reference.ts';
import { permissions } from '../../src/commands/permissions.ts';
import { policyOf, sections } from '../../src/cli/reference-permissions.ts';
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
  /** AWS takes no longer ones as a managed policy; blanks don't count. */
  it.each(sections.map((section) => [section.title, section] as const))('of %s fit into a managed policy', (_, section) => {
    expect(JSON.stringify(policyOf(section)).length).toBeLessThan(6144);
    expect(pages['permissions.md']).toContain(`## ${section.title}`);
  });

  it('have a section for each occasion that is declared', () => {
    const shown = sections.flatMap((section) => section.for);
    expect(permissions().flatMap((one) => one.for.filter((occasion) => !shown.includes(occasion)))).toEqual([]);
  });

  it('let a role be given rights within a boundary only, but for the section that says so', () => {
    const grants = /^iam:(CreateRole|PutRolePolicy|PutRolePermissionsBoundary|AttachRolePolicy)$/;
    const unbounded = permissions().filter((one) => 'actions' in one && one.actions.some((action) => grants.test(action)) && !('condition' in one));
    expect(unbounded.flatMap((one) => one.for)).toEqual(['without --permissions-boundary']);
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
