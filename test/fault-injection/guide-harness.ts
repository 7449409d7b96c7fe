/** A world in which the guide was followed by hand, with lines in its buckets: what `adopt` takes over and `orphan` lets go. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { readChart } from '../../src/adapters/helm/chart-file.ts';
import type { Dependencies } from '../../src/deps.ts';
import { hashPassword } from '../../src/design/htpasswd.ts';
import type { Chart } from '../../src/ports/releases.ts';
import { GUIDE_ROLE, policyOn, trustIn } from '../doctor/guide-installation.ts';
import { someSettings } from '../support/facts.ts';
import { chartFolder, clusterName, openHarness, region, type Harness } from './harness.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What the guide's charts were, in the place of their stand-ins. */
const BEFORE = { loki: '6.49.0', alloy: '1.5.1' } as const;

let charts: Promise<Readonly<Record<keyof typeof BEFORE, Chart>>> | undefined;
const folder = mkdtempSync(join(tmpdir(), 'loki-eks-charts-of-before-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

async function chartsOfBefore() {
  const [loki, alloy] = await Promise.all(
    (['loki', 'alloy'] as const).map(async (name) => {
      const path = join(folder, name);
      cpSync(join(chartFolder, name), path, { recursive: true });
      const file = join(path, 'Chart.yaml');
      writeFileSync(file, readFileSync(file, 'utf8').replace(/^version: .*$/m, `version: ${BEFORE[name]}`));
      return readChart(path, () => `${name} ${BEFORE[name]}`);
    }),
  );
  return { loki: loki!, alloy: alloy! };
}

export const guideBuckets = (account: string) => ['chunks', 'ruler'].map((use) => `loki-aws-dev-${use}-${account}`);

/** The values that the guide's own commands write. */
function valuesOf(section: string, variables: Readonly<Record<string, string>>): object {
  const text = readFileSync(here(`../guide/commands/${section}.sh`), 'utf8');
  const document = /<<'?EOF'? > \S+\n([^]*?)\nEOF/.exec(text)?.[1] ?? '';
  return parse(document.replace(/\$\{(\w+)\}/g, (whole, name: string) => variables[name] ?? whole)) as object;
}

/** The guide's cluster has no other storage class than EKS gives one, so that one of ours has to be made. */
export async function guideHouse(): Promise<Harness> {
  const harness = await openHarness(({ store }) => store.delete('StorageClass', undefined, 'gp3'));
  const deps = await harness.deps();
  await makeAccount(harness, deps);
  await makeReleases(harness, deps);
  return harness;
}

async function makeAccount({ world: { account } }: Harness, deps: Dependencies): Promise<void> {
  const aws = await deps.aws(someSettings({ cluster: clusterName, region }));
  const buckets = guideBuckets(account.id);
  for (const name of buckets) await aws.buckets(account.id).create(name, { namespace: 'global', tags: {} });
  for (let key = 0; key < 3; key++) account.putObject(account.admin, buckets[0]!, `foo/${key}`, Buffer.from('chunk'));
  await aws.roles.create({ name: GUIDE_ROLE, path: '/', description: '', tags: {}, trust: trustIn(account.id, account.issuer.replace('https://', '')) });
  await aws.roles.setInline(GUIDE_ROLE, 'LokiS3AccessPolicy', policyOn(buckets));
}

async function makeReleases({ world: { account } }: Harness, deps: Dependencies): Promise<void> {
  const [access, eks] = [{ is: 'kubeconfig' } as const, { cluster: clusterName, region }];
  const kubernetes = await deps.kubernetes(access);
  for (const name of ['loki', 'alloy']) await kubernetes.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const file = `${hashPassword('loki', 'loki', new Uint8Array(9))}\n`;
  const metadata = { name: 'loki-basic-auth', namespace: 'loki' };
  await kubernetes.create({ apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: { '.htpasswd': Buffer.from(file).toString('base64') } });
  const [CHUNK_BUCKET = '', RULER_BUCKET = ''] = guideBuckets(account.id);
  const variables = { AWS_REGION: region, ACCOUNT_ID: account.id, CHUNK_BUCKET, RULER_BUCKET, MY_OFFICE_IP: '203.0.113.7/32' };
  const releases = await deps.releases({ access, kubernetes, eks });
  const { loki, alloy } = await (charts ??= chartsOfBefore());
  const task = { labels: { team: 'platform' }, description: '', signal: new AbortController().signal, timeoutMs: 60_000, say: () => {} };
  await releases.upgrade({ ...task, name: 'loki', namespace: 'loki', chart: loki, values: valuesOf('5-loki-values', variables) });
  await releases.upgrade({ ...task, name: 'alloy', namespace: 'alloy', chart: alloy, values: valuesOf('7-alloy-values', variables) });
}
