/** A kubeconfig's exec plugin: runs the command, caches its credential until shortly before it expires. */
import { stop, type ProblemError } from '../../problems/problem.ts';
import { runChild } from '../child.ts';
import type { Env, Exec } from './kubeconfig.ts';

export interface ExecCredential {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A credential is renewed if it has less than this left: a request may wait in a queue. */
const LEEWAY_MS = 60_000;
const TIMEOUT_MS = 60_000;
/** A token and certificates are some kilobytes. */
const MOST_BYTES = 1024 * 1024;
const DEFAULT_API_VERSION = 'client.authentication.k8s.io/v1beta1';

/** Calls made while the command runs share its result. */
export function execCredentials(exec: Exec, env: Env): () => Promise<ExecCredential> {
  let known: { readonly credential: ExecCredential; readonly until: number } | undefined;
  let running: Promise<ExecCredential> | undefined;
  const ask = async (): Promise<ExecCredential> => {
    const status = readStatus(exec, await run(exec, env));
    const credential = {
      ...(status.token && { token: status.token }),
      ...(status.clientCertificateData && { cert: status.clientCertificateData }),
      ...(status.clientKeyData && { key: status.clientKeyData }),
    };
    known = { credential, until: status.expirationTimestamp ? Date.parse(status.expirationTimestamp) - LEEWAY_MS : Infinity };
    return credential;
  };
  return () => {
    if (known && Date.now() < known.until) return Promise.resolve(known.credential);
    running ??= ask().finally(() => (running = undefined));
    return running;
  };
}

interface CredentialStatus {
  readonly token?: string;
  readonly expirationTimestamp?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
}

function readStatus(exec: Exec, stdout: string): CredentialStatus {
  try {
    const { status } = JSON.parse(stdout) as { status?: CredentialStatus };
    if (status?.token || status?.clientCertificateData) return status;
  } catch {
    // Reported below: its output may contain a token, so it is not quoted.
  }
  throw failed(exec, { why: 'printed no credential' });
}

async function run(exec: Exec, env: Env): Promise<string> {
  const apiVersion = exec.apiVersion ?? DEFAULT_API_VERSION;
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec: { interactive: false } });
  const added = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]));
  const { code, stdout, stderr, stopped, failure } = await runChild({
    path: exec.command,
    args: exec.args ?? [],
    env: { ...env, ...added, KUBERNETES_EXEC_INFO: info },
    ms: TIMEOUT_MS,
    most: MOST_BYTES,
  });
  if (failure) throw failed(exec, { why: failure.code === 'ENOENT' ? 'is not installed' : `can't be run (${failure.code})`, cause: failure });
  if (stopped) throw failed(exec, { why: stopped === 'late' ? `did not exit within ${TIMEOUT_MS / 1000} s` : 'produced too much output', stderr });
  if (code !== 0) throw failed(exec, { why: code === undefined ? 'was killed' : `exited with code ${code}`, stderr });
  return stdout;
}

function failed(exec: Exec, of: { readonly why: string; readonly stderr?: string; readonly cause?: unknown }): ProblemError {
  const lines = (of.stderr ?? '')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter(Boolean)
    .slice(-8);
  return stop(
    'KUBE_EXEC_FAILED',
    {
      message: `The kubeconfig's credential command ${exec.command} ${of.why}${lines.length > 0 ? `: ${lines.at(-1)}` : ''}`,
      ...(exec.installHint && of.why === 'is not installed' && { fix: exec.installHint.trim() }),
      evidence: [[exec.command, ...(exec.args ?? [])].join(' '), ...lines],
    },
    { cause: of.cause },
  );
}
