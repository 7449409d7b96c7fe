/** `--real` with small programs in the place of Loki, Alloy, nginx and memcached: namespaces, Services, DNS, probes, files, endings. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';

const able = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/perl');

/** Serves its name, dials others, ends a second after SIGTERM. */
const PROGRAM = String.raw`#!/usr/bin/perl
use IO::Socket::INET; $| = 1;
$SIG{TERM} = sub { print "terminated\n"; sleep 1; exit 0 };
print "started $0 @ARGV\n"; print STDERR "user $> home $ENV{HOME}\n";
my $server = IO::Socket::INET->new(Listen => 20, LocalPort => 3100, ReuseAddr => 1) or die "listen: $!";
while (1) {
  my $client = $server->accept or next;
  my $line = <$client>; while (<$client>) { last if /^\r?\n$/ }
  my ($path) = $line =~ m{ (\S+) };
  my ($status, $body) = (200, "ok");
  if ($path =~ m{^/dial/([^/]+)/(\d+)}) {
    my $other = IO::Socket::INET->new(PeerAddr => $1, PeerPort => $2, Timeout => 3);
    if ($other) { print $other "GET /who HTTP/1.0\r\n\r\n"; local $/; $body = <$other>; $body = "error reset" unless defined $body } else { $body = "error $!" }
  } elsif ($path eq "/who") { chomp($body = $ENV{HOSTNAME}); $body = "I am $body" }
  elsif ($path eq "/write") { $body = open(my $file, ">", "/etc/nosuch") ? "written" : "error $!" }
  elsif ($path eq "/ready" && -e "/tmp/unready") { $status = 503 }
  print $client "HTTP/1.0 $status X\r\nContent-Length: " . length($body) . "\r\n\r\n$body"; close $client;
}
`;

let [programs, before] = ['', ''];
let terminal: Terminal;
const namespaces = () =>
  execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name.startsWith(`loki-eks-${process.pid}`));
const rules = () => execFileSync('sh', ['-c', 'ip addr; ip rule; ip route; ip link'], { encoding: 'utf8' });

async function kubectl(words: string): Promise<string> {
  const { exit, stdout, stderr } = await terminal.shell(`kubectl ${words}`);
  if (exit !== 0) throw new Error(stderr);
  return stdout;
}
async function apply(...objects: readonly object[]): Promise<void> {
  const file = join(programs, `objects-${Math.random()}.json`);
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  await kubectl(`apply -f ${file}`);
}
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let round = 0; round < 150; round += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('it never came to hold');
}
const get = (pod: string, path: string): Promise<string> => kubectl(`get --raw /api/v1/namespaces/real/pods/${pod}:3100/proxy${path}`);
const isReady = async (pod: string): Promise<boolean> => (await kubectl(`-n real get pod ${pod} -o jsonpath={.status.containerStatuses[0].ready}`)) === 'true';

function pod(name: string, more: { readonly labels?: object; readonly spec?: object; readonly container?: object } = {}): object {
  const readinessProbe = { httpGet: { path: '/ready', port: 3100 }, periodSeconds: 1, failureThreshold: 1 };
  const container = {
    name: 'main',
    image: 'grafana/loki:3.7.6',
    args: ['-target=x'],
    ports: [{ name: 'http', containerPort: 3100 }],
    readinessProbe,
    ...more.container,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'real', labels: { app: name, ...more.labels } },
    spec: { nodeName: node(), containers: [container], ...more.spec },
  };
}
const node = (): string => terminal.sandbox.world.store.list('Node')[0]?.metadata.name ?? '';

it.each([['start'], ['run']])('sandbox %s --real with a folder that is none is refused', async (which) => {
  const other = await openTerminal();
  try {
    const { exit, stderr, stdout } = await other.cli([
      'sandbox',
      which,
      '--real',
      join(tmpdir(), 'no-such-folder'),
      ...(which === 'run' ? ['--', 'true'] : []),
    ]);
    expect(exit).toBe(able ? 2 : 3);
    expect(stderr).toContain(able ? 'REAL_BINARIES_MISSING' : 'REAL_UNSUPPORTED');
    expect(stdout).toBe('');
  } finally {
    await other.close();
  }
});

describe.runIf(able)('a sandbox with real programs', () => {
  beforeAll(async () => {
    programs = mkdtempSync(join(tmpdir(), 'real-programs-'));
    for (const name of ['loki', 'alloy', 'nginx', 'memcached']) {
      writeFileSync(join(programs, name), PROGRAM);
      chmodSync(join(programs, name), 0o755);
    }
    before = rules();
    terminal = await openTerminal({ real: programs, nodes: 2 });
    await apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'real' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'conf', namespace: 'real' }, data: { 'a.txt': 'from the map' } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'one', namespace: 'real' },
        spec: { selector: { app: 'one' }, ports: [{ port: 80, targetPort: 'http' }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'one-headless', namespace: 'real' },
        spec: { clusterIP: 'None', selector: { app: 'one' }, ports: [{ name: 'http', port: 3100 }] },
      },
      pod('one'),
      pod('two', {
        spec: {
          securityContext: { runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001 },
          volumes: [
            { name: 'conf', configMap: { name: 'conf' } },
            { name: 'tmp', emptyDir: {} },
          ],
          initContainers: [
            {
              name: 'first',
              image: 'grafana/alloy:v1.18.1',
              command: ['sh', '-c', 'perl -e "print qq(init )" && cat /conf/a.txt && id -u > /tmp/made'],
              volumeMounts: [
                { name: 'conf', mountPath: '/conf' },
                { name: 'tmp', mountPath: '/tmp' },
              ],
            },
          ],
        },
        container: {
          securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] }, allowPrivilegeEscalation: false },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        },
      }),
    );
    await until(async () => (await isReady('one')) && (await isReady('two')));
  });
  afterAll(async () => {
    await terminal?.close();
    rmSync(programs, { recursive: true, force: true });
  });

  it('answers through Services and cluster DNS, and refuses where nothing listens', async () => {
    for (const name of ['one', 'one.real', 'one.real.svc.cluster.local', 'one-headless']) {
      const port = name === 'one-headless' ? 3100 : 80;
      expect(await get('two', `/dial/${name}/${port}`), name).toContain('I am one');
    }
    expect(await get('two', '/dial/nosuch/80')).toContain('error');
    expect(await get('two', '/dial/one/81')).toContain('error');
    expect(await get('two', '/dial/127.0.0.1/9')).toContain('error');
  });

  it('runs init containers first, in the same root, and keeps what they say', async () => {
    expect(await kubectl('-n real logs two -c first')).toBe('init from the map\n');
    expect(await kubectl('-n real logs two -c main')).toContain('user 10001 home /');
    expect(await get('two', '/write')).toContain('Read-only file system');
    expect(await get('one', '/write')).toBe('written');
    expect(existsSync('/etc/nosuch')).toBe(false);
  });

  it('writes the log files of nodes', async () => {
    const { folder } = terminal.sandbox.world.real ?? { folder: '' };
    const logs = join(folder, 'nodes', node(), 'var/log/pods');
    const own = readdirSync(logs).find((name) => name.startsWith('real_one_')) ?? '';
    const text = readFileSync(join(logs, own, 'main', '0.log'), 'utf8');
    expect(text).toMatch(/^\S+Z stdout F started \/usr\/bin\/loki -target=x$/m);
    expect(text).toMatch(/^\S+Z stderr F user 0 home \/$/m);
  });

  it('a probe that fails takes a pod out of its Service, and brings it back', async () => {
    const control = (route: string, body: object) => fetch(`${terminal.sandbox.controlUrl}/${route}`, { method: 'POST', body: JSON.stringify(body) });
    const run = (...command: readonly string[]) => control('real/execute', { namespace: 'real', pod: 'one', command });
    await run('touch', '/tmp/unready');
    await until(async () => !(await isReady('one')));
    // What answers for Services learns it a moment later, as kube-proxy does.
    await until(async () => (await get('two', '/dial/one/80')).includes('error'));
    await run('rm', '/tmp/unready');
    await until(() => isReady('one'));
    await until(async () => (await get('two', '/dial/one/80')).includes('I am one'));
  });

  it('a NetworkPolicy keeps pods apart while it is there', async () => {
    const spec = { podSelector: { matchLabels: { app: 'one' } }, policyTypes: ['Ingress'], ingress: [] };
    await apply({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'closed', namespace: 'real' }, spec });
    await until(async () => (await get('two', '/dial/one/80')).includes('error'));
    await until(async () => (await get('two', '/dial/one-headless/3100')).includes('error'));
    await kubectl('-n real delete networkpolicy closed');
    await until(async () => (await get('two', '/dial/one/80')).includes('I am one'));
  });

  it('what is killed is started again, and a reboot takes all that runs on a node', async () => {
    const restarts = (name: string) => kubectl(`-n real get pod ${name} -o jsonpath={.status.containerStatuses[0].restartCount}`);
    await fetch(`${terminal.sandbox.controlUrl}/real/signal`, { method: 'POST', body: JSON.stringify({ namespace: 'real', pod: 'one', signal: 'SIGKILL' }) });
    await until(async () => (await restarts('one')) === '1' && (await isReady('one')));
    const last = JSON.parse(await kubectl('-n real get pod one -o jsonpath={.status.containerStatuses[0].lastState.terminated}')) as object;
    // Not for want of memory, which has the same code.
    expect(last).toMatchObject({ exitCode: 137, reason: 'Error' });
    expect(await kubectl('-n real logs one --previous')).toContain('started');
    await fetch(`${terminal.sandbox.controlUrl}/reboot`, { method: 'POST', body: JSON.stringify({ node: node(), downMs: 1500 }) });
    await until(async () => !(await isReady('two')));
    await until(async () => (await restarts('one')) === '2' && (await restarts('two')) === '1' && (await isReady('one')) && (await isReady('two')));
    await until(async () => (await get('two', '/dial/one/80')).includes('I am one'));
  });

  it('a deleted pod stays until its processes have ended', async () => {
    const began = Date.now();
    await kubectl('-n real delete pod one');
    expect(Date.now() - began).toBeGreaterThan(900);
    expect(await kubectl('-n real get pods -o name')).not.toContain('pod/one');
  });

  it('leaves nothing on the machine, and clears away what a killed one has left', async () => {
    expect(namespaces().length).toBeGreaterThan(1);
    await terminal.close();
    expect(namespaces()).toEqual([]);
    expect(rules()).toBe(before);

    const script = fileURLToPath(new URL('../../bin/loki-eks.js', import.meta.url));
    const start = async () => {
      const child = spawn(process.execPath, [script, 'sandbox', 'start', '--real', programs, '--nodes', '1'], { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
      await until(() => said.includes('runs until Ctrl-C'));
      const folder = /files of nodes and notes in (\S+)/.exec(said)?.[1] ?? '';
      return { child, folder, name: `loki-eks-${child.pid}` };
    };
    const all = () => execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
    const first = await start();
    first.child.kill('SIGKILL');
    await until(() => first.child.signalCode === 'SIGKILL');
    expect(all()).toContain(first.name);
    const second = await start();
    expect(all()).not.toContain(`${first.name}\n`);
    expect(existsSync(first.folder)).toBe(false);
    const ended = new Promise((resolve) => second.child.once('exit', resolve));
    second.child.kill('SIGTERM');
    await ended;
    expect(all()).not.toContain(second.name);
    expect(existsSync(second.folder)).toBe(false);
    expect(rules()).toBe(before);
  });
});
