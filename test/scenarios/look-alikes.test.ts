/** Things that carry our names but are not ours: an installation names them and stops, and nothing ever touches them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addRole } from '../../src/sandbox/aws/iam-roles.ts';
import { requireDocument } from '../../src/sandbox/aws/iam-rules.ts';
import { addBucket } from '../../src/sandbox/aws/s3-state.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { codesOf, quick } from './story.ts';

interface LookAlike {
  readonly code: string;
  /** What the message has to name. */
  readonly names: RegExp;
  readonly make: (terminal: Terminal, names: Names) => Promise<unknown>;
  readonly unmake: (terminal: Terminal, names: Names) => Promise<unknown>;
}

interface Names {
  readonly chunks: string;
  readonly role: string;
}

const shell = async (terminal: Terminal, text: string) => {
  const ran = await terminal.shell(text);
  expect(ran.exit, ran.stderr).toBe(0);
};
const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

const lookAlikes: Readonly<Record<string, LookAlike>> = {
  'a bucket of this account': {
    code: 'BUCKET_NOT_OURS',
    names: /s3:\/\/loki-chunks-/,
    make: async ({ sandbox: { world } }, { chunks }) =>
      addBucket(world.account.state.s3, { name: chunks, owner: world.account.id, region: world.account.region, tags: { team: 'theirs' } }),
    unmake: async ({ sandbox }, { chunks }) => void sandbox.world.account.state.s3.buckets.delete(chunks),
  },
  'a bucket of another account': {
    code: 'BUCKET_TAKEN',
    names: /s3:\/\/loki-chunks-/,
    make: async ({ sandbox }, { chunks }) => sandbox.world.account.seedForeignBucket(chunks),
    unmake: async ({ sandbox }, { chunks }) => void sandbox.world.account.state.s3.buckets.delete(chunks),
  },
  'a role': {
    code: 'ROLE_NOT_OURS',
    names: /role loki-eks-training-on-eks-/i,
    make: async ({ sandbox }, { role }) =>
      addRole(sandbox.world.account.state.iam, { name: role, path: '/', trust: requireDocument(trust, 'trust'), tags: { team: 'theirs' } }, true),
    unmake: async ({ sandbox }, { role }) => void sandbox.world.account.state.iam.roles.delete(role.toLowerCase()),
  },
  'a Secret with the login': {
    code: 'OBJECT_NOT_OURS',
    names: /secret loki\/loki-gateway-login/i,
    make: (terminal) =>
      shell(terminal, 'kubectl create namespace loki && kubectl -n loki create secret generic loki-gateway-login --from-literal=password=theirs'),
    unmake: (terminal) => shell(terminal, 'kubectl delete namespace loki'),
  },
  'a Secret with the record': {
    code: 'OBJECT_NOT_OURS',
    names: /secret loki\/loki-eks/i,
    make: (terminal) => shell(terminal, 'kubectl create namespace loki && kubectl -n loki create secret generic loki-eks --from-literal=a=b'),
    unmake: (terminal) => shell(terminal, 'kubectl delete namespace loki'),
  },
  'a ServiceAccount': {
    code: 'OBJECT_NOT_OURS',
    names: /serviceaccount loki\/loki/i,
    make: (terminal) => shell(terminal, 'kubectl create namespace loki && kubectl -n loki create serviceaccount loki'),
    unmake: (terminal) => shell(terminal, 'kubectl delete namespace loki'),
  },
  'a release of plain helm': {
    code: 'RELEASE_NOT_OURS',
    names: /release loki\/loki/i,
    make: async (terminal) => {
      const folder = join(terminal.folder, 'theirs');
      await shell(terminal, `mkdir -p ${join(folder, 'templates')}`);
      await writeFile(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: loki\nversion: 2.10.3\n');
      await writeFile(join(folder, 'templates', 'map.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: their-loki\ndata:\n  a: b\n');
      await shell(terminal, `helm install loki ${folder} --namespace loki --create-namespace`);
    },
    unmake: (terminal) => shell(terminal, 'helm uninstall loki --namespace loki && kubectl delete namespace loki'),
  },
};

describe('look-alikes', () => {
  let terminal: Terminal;
  let pristine: string;
  let names: Names;

  beforeAll(async () => {
    terminal = await openTerminal(quick);
    pristine = terminal.snapshot();
    const { stdout } = await terminal.cli(['plan']);
    const find = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? '';
    names = { chunks: find(/s3:\/\/(\S*-chunks-\S+)/), role: find(/role\/(loki-eks-training-on-eks-[0-9a-f]+)/) };
    expect(names.chunks).not.toBe('');
    expect(names.role).not.toBe('');
  });
  afterAll(() => terminal.close());
  beforeEach(() => expect(terminal.snapshot()).toBe(pristine));

  it.each(Object.entries(lookAlikes))('%s is named, bars the way and stays as it is', async (_, { code, names: named, make, unmake }) => {
    await make(terminal, names);
    try {
      const theirs = terminal.snapshot();
      expect(theirs).not.toBe(pristine);
      const installed = await terminal.cli(['install', '--yes', '--output', 'json']);
      expect(codesOf(installed)).toEqual([code]);
      expect(installed.stdout).toMatch(named);
      expect(installed.exit).toBe(3);
      expect(terminal.snapshot()).toBe(theirs);
      const removed = await terminal.cli(['uninstall', '--yes', '--delete-data', '--confirm-delete-data', names.chunks, '--output', 'json']);
      expect(removed.exit).toBe(3);
      const gone = await terminal.cli(['uninstall', '--yes', '--output', 'json']);
      expect(gone.exit, gone.stdout).toBe(0);
      expect(terminal.snapshot()).toBe(theirs);
    } finally {
      await unmake(terminal, names);
    }
  });

  it("somebody's namespace and what is in it stay when everything of ours goes", async () => {
    await shell(terminal, 'kubectl create namespace loki && kubectl -n loki create configmap notes --from-literal=a=b');
    const theirs = terminal.snapshot();
    expect((await terminal.cli(['install', '--yes'])).exit).toBe(0);
    const { exit, stderr, stdout } = await terminal.cli(['uninstall', '--yes', '--delete-data', ...(await bucketFlags(terminal))]);
    expect(exit, stderr).toBe(0);
    expect(stdout + stderr).toContain('it existed before loki-eks');
    expect(terminal.snapshot()).toBe(theirs);
    await shell(terminal, 'kubectl delete namespace loki');
  });

  it('what somebody has put into our namespace keeps it alive', async () => {
    expect((await terminal.cli(['install', '--yes'])).exit).toBe(0);
    await shell(terminal, 'kubectl -n loki create configmap notes --from-literal=a=b');
    const { exit, stderr, stdout } = await terminal.cli(['uninstall', '--yes', '--delete-data', ...(await bucketFlags(terminal))]);
    expect(exit, stderr).toBe(0);
    expect(stdout + stderr).toContain('ConfigMap notes');
    await shell(terminal, 'kubectl -n loki get configmap notes');
    const left = await terminal.shell('kubectl -n loki get all,secret,pvc,serviceaccount -o name');
    expect(
      left.stdout
        .trim()
        .split('\n')
        .filter((name) => !name.endsWith('serviceaccount/default') && name !== ''),
    ).toEqual([]);
    await shell(terminal, 'kubectl delete namespace loki');
  });
});

const bucketFlags = async (terminal: Terminal) => {
  const { s3 } = (JSON.parse(terminal.snapshot()) as { account: { s3: Record<string, unknown> } }).account;
  return Object.keys(s3).flatMap((name) => ['--confirm-delete-data', name]);
};
