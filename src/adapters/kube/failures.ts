/** Errors of the Kubernetes API and of the connection to it, as problems of the kube area. */
import { ProblemError, stop } from '../../problems/problem.ts';

/** A `Status` object, reduced to the fields we read. */
export interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly group?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

/** `undefined` if the body is not a Status (a proxy's page, plain text). */
export function statusOf(body: string): Status | undefined {
  try {
    const parsed = JSON.parse(body) as { kind?: string } & Status;
    return parsed?.kind === 'Status' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The 404 of an object that does not exist, as opposed to a path the server does not serve. */
export const isObjectMissing = (status: number, body: string): boolean => status === 404 && statusOf(body)?.details?.name !== undefined;

const tlsCode = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_|ERR_SSL_|EPROTO|HOSTNAME_MISMATCH)/;

/** From an Error of node:https or ws without a response. */
export function networkFailure(error: unknown, server: string): ProblemError {
  if (error instanceof ProblemError) return error;
  // A bug in loki-eks must show as one, not as a network failure.
  if ((error instanceof TypeError || error instanceof ReferenceError) && !('code' in error)) throw error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const host = hostOf(server);
  const said = (message: string, fix: string) => stop('KUBE_UNREACHABLE', { message, fix, evidence: [`${server}: ${evidence}`] }, { cause: error });
  const evidence = message && message !== code ? `${code && !message.includes(code) ? `${code} ` : ''}${message}` : code;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return said(
      `The name of the Kubernetes API, ${host}, can't be resolved`,
      'Check your DNS and network, and with `aws eks list-clusters` whether the cluster still exists',
    );
  if (tlsCode.test(code))
    return said(
      `The TLS certificate of the Kubernetes API ${host} is not trusted (${code})`,
      'Check whether a proxy intercepts TLS; if the kubeconfig has the CA of another cluster, run `aws eks update-kubeconfig --name CLUSTER`',
    );
  if (code === 'ECONNREFUSED')
    return said(`${host} refuses connections`, 'Check that the endpoint and its port are correct and that no firewall rejects the connection');
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
    return said(`${host} is not responding`, "Run from inside the VPC (VPN, bastion), or add your IP address to the endpoint's public access CIDRs");
  return said(`The connection to the Kubernetes API ${host} was lost`, 'Run the command again; if it fails again, check HTTPS_PROXY, NO_PROXY and firewalls');
}

function hostOf(server: string): string {
  try {
    return new URL(server).host;
  } catch {
    return server;
  }
}

/** What was requested, so that a refusal can name it. */
export interface Asked {
  /** `get`, `list`, `create`, … */
  readonly verb: string;
  /** `Secret loki/login`, `pods in loki`, … */
  readonly target: string;
  readonly server: string;
}

/** From a response with a status of 400 or above. */
export function answerFailure(asked: Asked, reply: { readonly status: number; readonly body: string }): ProblemError {
  const status = statusOf(reply.body);
  const text = status?.message?.slice(0, 8192) ?? (reply.body.slice(0, 8192).replace(/\s+/g, ' ').trim().slice(0, 300) || `HTTP ${reply.status}`);
  return admissionFailure(asked, text) ?? statusFailure(asked, reply.status, { text, status });
}

/** Refusals that come with several HTTP statuses and are recognized by their message; helm passes on the same messages. */
export function admissionFailure(asked: { readonly verb: string; readonly target: string }, text: string): ProblemError | undefined {
  const webhook = /failed calling webhook "([^"]+)"/.exec(text)?.[1];
  if (webhook)
    return stop('KUBE_WEBHOOK_DOWN', {
      message: `${asked.target} can't be written: the admission webhook ${webhook} is not responding`,
      fix: `Repair the service behind ${webhook} (\`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide\`), then run the command again`,
      evidence: [text],
    });
  const terminating = /in namespace "?([^\s":]+)"? because it is being terminated/.exec(text)?.[1];
  if (terminating)
    return stop('KUBE_NAMESPACE_TERMINATING', {
      message: `Namespace ${terminating} is being deleted`,
      fix: `Wait until it is gone: \`kubectl wait --for=delete namespace/${terminating} --timeout=10m\``,
      evidence: [text],
    });
  const denier = /admission webhook "([^"]+)" denied the request/.exec(text)?.[1];
  if (denier || /violates PodSecurity|ValidatingAdmissionPolicy/.test(text))
    return stop('KUBE_ADMISSION_DENIED', {
      message: `${asked.target} is rejected by ${denier ? `the admission webhook ${denier}` : "the cluster's admission rules"}`,
      evidence: [text],
    });
  if (/exceeded quota/.test(text)) return stop('KUBE_QUOTA_EXCEEDED', { message: `${asked.target} exceeds the namespace's resource quota`, evidence: [text] });
  return undefined;
}

function statusFailure(asked: Asked, code: number, { text, status }: { readonly text: string; readonly status: Status | undefined }): ProblemError {
  const evidence = [`${asked.verb} ${asked.target}: HTTP ${code} ${text}`];
  switch (code) {
    case 401:
      return stop('KUBE_UNAUTHORIZED', { message: `The Kubernetes API ${hostOf(asked.server)} rejects your credentials`, evidence });
    case 403:
      return stop('KUBE_FORBIDDEN', { message: forbidden(asked, text), evidence });
    case 404:
      return status?.details?.name !== undefined
        ? stop('KUBE_NOT_FOUND', { message: `${asked.target}: ${text}`, evidence })
        : stop('KUBE_KIND_UNKNOWN', { message: `The cluster does not serve ${asked.target}`, evidence });
    case 409:
      return stop('KUBE_CONFLICT', {
        message: status?.reason === 'AlreadyExists' ? `${asked.target} already exists` : `${asked.target} was changed concurrently by another client`,
        evidence,
      });
    case 400:
    case 413:
    case 422:
      return stop('KUBE_INVALID', { message: `The API server rejects ${asked.target}: ${text}`, evidence });
    default:
      return stop('KUBE_SERVER_ERROR', { message: `The Kubernetes API answers HTTP ${code} to ${asked.verb} ${asked.target}`, evidence });
  }
}

/** `secrets is forbidden: User "x" cannot list resource "secrets" in API group "" in the namespace "loki"` */
export function forbidden(asked: { readonly verb: string; readonly target: string }, text: string): string {
  const found = /User "([^"]*)" cannot (\w+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?/.exec(text);
  if (!found) return `You are not allowed to ${asked.verb} ${asked.target}`;
  const [, user, verb, resource, group, namespace] = found;
  return `${user || 'You'} ${user ? 'is' : 'are'} not allowed to ${verb} ${resource}${group ? `.${group}` : ''}${namespace ? ` in namespace ${namespace}` : ''}`;
}
