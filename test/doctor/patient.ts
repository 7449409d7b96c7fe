/** What the stories of `doctor` share: asking it, breaking things, data sources as Grafana's sidecar finds them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Problem } from '../../src/engine/types.ts';
import type { Ran, Terminal } from '../support/sandbox-cli.ts';

export interface Diagnosis extends Ran {
  readonly result: {
    readonly healthy: boolean;
    readonly root?: { readonly hop: string; readonly problem: Problem };
    readonly findings: readonly { readonly hop: string; readonly role: string; readonly severity: string; readonly problem: Problem }[];
    readonly notCollected: readonly { readonly what: string; readonly why: string }[];
  };
  /** Codes of what failed, root first. */
  readonly codes: readonly string[];
}

export async function diagnose(terminal: Terminal, words: readonly string[] = []): Promise<Diagnosis> {
  terminal.writes();
  const ran = await terminal.cli(['doctor', '--output', 'json', ...words]);
  expect(terminal.writes()).toEqual([]);
  const told = ran.events.filter(({ type }) => type === 'doctor.finished');
  expect(told, ran.stderr + ran.stdout.slice(-2000)).toHaveLength(1);
  const finished = ran.events.at(-1);
  return { ...ran, result: told[0]!['result'], codes: (finished?.['problems'] ?? []).map(({ code }: Problem) => code) };
}

/** A shell command that must succeed. */
export async function does(terminal: Terminal, command: string): Promise<string> {
  let ran = await terminal.shell(command);
  // kubectl refuses two restarts of the same thing in one second, and a replacement that a controller came before.
  if (/within the past second|the object has been modified/.test(ran.stderr)) {
    await new Promise((resolve) => setTimeout(resolve, 1100));
    ran = await terminal.shell(command);
  }
  expect(ran.exit, `${command}\n${ran.stderr}`).toBe(0);
  return ran.stdout;
}

/** Asks until the root has this code: things take their time to break. */
export async function eventually(terminal: Terminal, code: string | undefined, words: readonly string[] = []): Promise<Diagnosis> {
  const end = Date.now() + 40_000;
  for (;;) {
    const found = await diagnose(terminal, words);
    if (found.result.root?.problem.code === code || Date.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

export async function datasource(terminal: Terminal, lines: readonly string[]): Promise<void> {
  const data = ['apiVersion: 1', 'datasources:', '  - name: Loki', '    type: loki', ...lines.map((line) => `    ${line}`)];
  const object = [
    'apiVersion: v1',
    'kind: ConfigMap',
    'metadata:',
    '  name: loki-datasource',
    '  namespace: monitoring',
    '  labels: {grafana_datasource: "1"}',
    'data:',
    '  loki.yaml: |',
  ];
  await writeFile(join(terminal.folder, 'datasource.yaml'), [...object, ...data.map((line) => `    ${line}`), ''].join('\n'));
  await does(terminal, '(kubectl get namespace monitoring || kubectl create namespace monitoring) && kubectl apply -f datasource.yaml');
}
