/** `plan --show`: the documents alone on stdout, ready for a reviewer or another tool, before and after an installation. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/ports/kubernetes.ts';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';
import { butObjects, quick, secretText } from './story.ts';

const PASSWORD = 'a-password-that-is-nowhere-to-be-seen';

describe.each(['before anything is installed', 'when it is installed'])('%s', (when) => {
  let terminal: Terminal;
  beforeAll(async () => {
    terminal = await openTerminal(quick);
    await writeFile(join(terminal.folder, 'password'), PASSWORD);
    if (when === 'when it is installed') expect((await terminal.cli(['install', '--yes', '--no-verify'])).exit).toBe(0);
  });
  afterAll(() => terminal.close());

  const show = async (what: string, ...words: string[]) => {
    const before = butObjects(terminal.snapshot());
    const ran = await terminal.cli(['plan', '--show', what, '--password-file', 'password', ...words]);
    expect(ran.exit, ran.stderr).toBe(0);
    expect(butObjects(terminal.snapshot())).toBe(before);
    const generated = secretText(terminal, { namespace: 'loki', name: 'loki-gateway-login', key: 'password' });
    const secrets = [PASSWORD, generated, terminal.sandbox.world.account.admin.secretAccessKey].filter((secret) => secret !== '');
    expect(secrets.length).toBe(when === 'when it is installed' ? 3 : 2);
    for (const secret of secrets) {
      expect(ran.stdout + ran.stderr).not.toContain(secret);
      expect(ran.stdout + ran.stderr).not.toContain(Buffer.from(secret).toString('base64'));
    }
    return ran.stdout;
  };

  it('values: what helm is given for both releases', async () => {
    const text = await show('values', '--retention-days', '41');
    const documents = parseAllDocuments(text).map((document) => document.toJS() as Record<string, any>);
    expect(documents).toHaveLength(2);
    expect(documents[0]).toMatchObject({ loki: { limits_config: { retention_period: '984h' } } });
    expect(documents[1]).toMatchObject({ alloy: { mounts: { varlog: true } } });
  });

  it('policies: trust, role and bucket', async () => {
    const text = await show('policies');
    const documents = text
      .split(/^(?=\{)/m)
      .map((part) => part.slice(0, part.lastIndexOf('}') + 1))
      .filter((part) => part.startsWith('{'))
      .map((part) => parse(part) as { Version: string; Statement: unknown[] });
    expect(documents).toHaveLength(3);
    for (const { Version, Statement } of documents) expect([Version, Statement.length > 0]).toEqual(['2012-10-17', true]);
    expect(text).toContain('sts:AssumeRoleWithWebIdentity');
    expect(text).toContain('aws:SecureTransport');
  });

  it('alloy: the pipeline', async () => {
    const text = await show('alloy');
    expect(text).toContain('loki.source.file');
    expect(text).toContain('stage.cri');
    expect(text).toContain('loki.write');
  });

  it('manifests: every object that helm would send, none of them a Secret', async () => {
    const objects = parseAllDocuments(await show('manifests', '--expose', 'internal', '--allow-cidr', '10.0.0.0/8')).map(
      (document) => document.toJS() as KubeObject,
    );
    const kinds = objects.filter(Boolean).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['StatefulSet', 'Deployment', 'DaemonSet', 'ConfigMap', 'Service']));
    expect(kinds).not.toContain('Secret');
    expect(objects.map((object) => object?.metadata?.name)).toContain('loki-gateway-exposed');
  });
});
