/** `kubectl exec` in its three wire forms: websocket, SPDY, and a terminal's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../support/sandbox-cli.ts';

describe('exec into a pod', () => {
  let terminal: Terminal;

  beforeAll(async () => {
    terminal = await openTerminal({ nodes: 1 });
    const { stderr, exit } = await terminal.shell(`
      kubectl create configmap settings --from-literal=app.conf=$'one\\ntwo\\n' &&
      kubectl create -f - <<'EOF' && kubectl wait --for=condition=Ready pod/app --timeout=60s
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  containers: [{name: app, image: nginx, volumeMounts: [{name: settings, mountPath: /etc/app}, {name: logs, mountPath: /node/logs}]}]
  volumes: [{name: settings, configMap: {name: settings}}, {name: logs, hostPath: {path: /var/log/pods}}]
EOF`);
    expect(exit, stderr).toBe(0);
  });
  afterAll(() => terminal?.close());

  const spdy = { env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' } };

  for (const [wire, options] of Object.entries({ websocket: {}, SPDY: spdy })) {
    it(`prints what is mounted and ends with the program's code, over ${wire}`, async () => {
      expect(await terminal.shell('kubectl exec app -- cat /etc/app/app.conf', options)).toMatchObject({ exit: 0, stdout: 'one\ntwo\n', stderr: '' });
      expect(await terminal.shell('kubectl exec -i app -- ls /etc/app', options)).toMatchObject({ exit: 0, stdout: 'app.conf\n' });
      const missed = await terminal.shell('kubectl exec app -- ls /etc/app/none', options);
      expect(missed).toMatchObject({
        exit: 2,
        stdout: '',
        stderr: "ls: cannot access '/etc/app/none': No such file or directory\ncommand terminated with exit code 2\n",
      });
    });
  }

  it('sees the log files of its node through a hostPath', async () => {
    expect((await terminal.shell('kubectl exec app -- ls /node/logs')).stdout).toMatch(/^kube-system_coredns-/m);
  });

  it('refuses what is not simulated', async () => {
    for (const words of ['nginx -t', 'ls /', 'ls -la /etc/app']) {
      const { exit, stderr } = await terminal.shell(`kubectl exec app -- ${words}`);
      expect(stderr).toContain('the sandbox runs no processes');
      expect(exit).not.toBe(0);
    }
    expect((await terminal.shell('kubectl exec gone -- ls /etc/app')).stderr).toContain('pods "gone" not found');
  });

  it('counts as no write', async () => {
    terminal.writes();
    await terminal.shell('kubectl exec app -- ls /etc/app');
    expect(terminal.writes()).toEqual([]);
  });
});
