/** The seams between the parts of the sandbox: one World, its AWS half, its Kubernetes half, and the log path between them. */
import type { Json } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';

export interface SandboxClock {
  now(): Date;
  /** Runs later in simulated time; returns how to cancel. All delays of the sandbox go through here. */
  after(ms: number, act: () => void): () => void;
}

// ---------------------------------------------------------------- AWS half (src/sandbox/aws)

export interface SandboxCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** An AWS error answer, as any AWS door renders it in its protocol. */
export class AwsFault extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What the Kubernetes half and the log path may ask of the simulated account. All throw AwsFault. */
export interface SandboxAccount {
  readonly id: string;
  readonly partition: string;
  readonly region: string;
  /** `https://oidc.eks.<region>.amazonaws.com/id/<32 hex>`; service-account tokens carry it. */
  readonly issuer: string;
  /** Checks issuer, audience, subject and signature against the role's trust policy. */
  assumeRoleWithWebIdentity(roleArn: string, token: string): SandboxCredentials;
  /** The role an EKS Pod Identity association gives to a service account. */
  podIdentityRole(namespace: string, serviceAccount: string): string | undefined;
  /** Credentials of a role without a token: node roles and pod identity. */
  credentialsOf(roleArn: string, pod?: { readonly namespace: string; readonly serviceAccount: string }): SandboxCredentials;
  putObject(credentials: SandboxCredentials, bucket: string, key: string, body: Uint8Array): void;
  getObject(credentials: SandboxCredentials, bucket: string, key: string): Uint8Array;
  deleteObject(credentials: SandboxCredentials, bucket: string, key: string): void;
  listObjects(credentials: SandboxCredentials, bucket: string, prefix: string): readonly string[];
  /**
   * Who a presigned `GetCallerIdentity` URL (an EKS bearer token, unwrapped) speaks for: checks signature, age and that
   * `x-k8s-aws-id` names this cluster. `undefined` when any is wrong.
   */
  callerOfPresigned(url: string): { readonly arn: string } | undefined;
}

// ---------------------------------------------------------------- Kubernetes half (src/sandbox/kube)

export type StoreEvent = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject; readonly before?: KubeObject };

/** The API server's storage, as the controllers, the kubelet and the log path see it. */
export interface ObjectStore {
  get(kind: string, namespace: string | undefined, name: string): KubeObject | undefined;
  /** `selector` is a label selector in its string form. */
  list(kind: string, options?: { readonly namespace?: string; readonly selector?: string }): readonly KubeObject[];
  create(object: KubeObject): KubeObject;
  /** Replaces everything but identity; bumps generation when `spec` differs. */
  update(object: KubeObject): KubeObject;
  /** Replaces `status` only. No event when nothing changed. */
  setStatus(kind: string, namespace: string | undefined, name: string, status: Json | object): void;
  /** Honours finalizers and owner references (background collection). */
  delete(kind: string, namespace: string | undefined, name: string): void;
  subscribe(listener: (event: StoreEvent) => void): () => void;
}

/** What runs in pods (src/sandbox/cluster, src/sandbox/logs), as the API server's subresources reach it. */
export interface PodRuntime {
  /** Lines a container has written, with the time of each; empty before it started. */
  logs(pod: KubeObject, container: string, options: { readonly previous?: boolean }): readonly { readonly time: Date; readonly line: string }[];
  /** Called for every further line until the returned function is called. */
  follow(pod: KubeObject, container: string, listener: (entry: { readonly time: Date; readonly line: string }) => void): () => void;
  /** An HTTP request that reached a port of a pod. 502 when nothing listens there. */
  request(pod: KubeObject, port: number, request: SandboxRequest): Promise<SandboxResponse>;
  /** Runs a program to its end in a container; `undefined` when it is none of those that are simulated. */
  execute?(pod: KubeObject, container: string, words: readonly string[]): Executed | undefined;
}

export interface Executed {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface MountedFiles {
  /** Where something is mounted, whether files are below or not. */
  readonly roots: readonly string[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

export interface SandboxRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The address that asks; a port-forward's is the pod's own loopback. */
  readonly from?: string;
}
export interface SandboxResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

// ---------------------------------------------------------------- faults

/** One rule of what goes wrong. `call` is `s3:CreateBucket`, `iam:CreateRole`, `kube:create:secrets`, a glob is allowed. */
export interface Fault {
  readonly call: string;
  /** `before`: refused, nothing happened. `after`: happened, then an error. `lost`: happened, the connection dies. */
  readonly how: 'before' | 'after' | 'lost' | 'throttle' | 'deny' | 'slow' | 'answer';
  /** Only from the n-th matching call on (1 is the first), and so many times. */
  readonly from?: number;
  readonly times?: number;
  readonly ms?: number;
  /** What is said instead, with `how: 'answer'`; `body` is the whole of it. */
  readonly answer?: { readonly status: number; readonly code: string; readonly message: string; readonly body?: string };
}

/** Every call that reaches a door, in order: what tests count and compare. */
export interface Call {
  readonly call: string;
  readonly write: boolean;
  readonly status: number;
  /** Of the Kubernetes API: what its authorizer was asked, and for whom. */
  readonly wish?: Readonly<Record<'verb' | 'user', string>> &
    Readonly<Partial<Record<'group' | 'resource' | 'subresource' | 'namespace' | 'name' | 'path', string>>>;
}

export interface World {
  readonly clock: SandboxClock;
  readonly account: SandboxAccount;
  readonly store: ObjectStore;
  readonly runtime: PodRuntime;
  readonly calls: readonly Call[];
  addFault(fault: Fault): void;
  /** The whole simulated account and cluster as sorted, timeless JSON (no uids, versions, times): equal means nothing is left. */
  snapshot(): Json;
}

// ---------------------------------------------------------------- log path (src/sandbox/logs)

/** How a container of the log path (Loki, gateway, Alloy) comes up, judged from what was really deployed. */
export interface ComponentStart {
  readonly lines: readonly string[];
  readonly ready: boolean;
  /** The process ends at once. */
  readonly crash?: { readonly exitCode: number };
}

/** What a container that is a real process tells the kubelet. */
export interface LaunchOptions {
  readonly kind: 'init' | 'sidecar' | 'main';
  readonly restarts: number;
  /** Of the pod, which its status may not show yet. */
  readonly address: string;
  /** A whole line that it printed, which lies in its file already. */
  readonly line: (text: string) => void;
  readonly ready: (is: boolean, why?: string) => void;
  /** A probe has given it up; it is being ended. */
  readonly unhealthy: (why: string) => void;
  readonly ended: (code: number) => void;
}

export interface Launched {
  /** SIGTERM, and SIGKILL after the grace; resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
  signal(name: NodeJS.Signals): boolean;
}

export interface LogPath {
  /** Starts a container as a real process, where it is one: only a sandbox with real programs does so. */
  launch?(pod: KubeObject, container: string, options: LaunchOptions): Launched | undefined;
  /** Whether any container of the pod is one: it then stays until its processes have ended. */
  launches?(pod: KubeObject): boolean;
  /** The kubelet asks when a container starts (and again while it is not ready); `undefined` for containers that are not of the log path. */
  start(pod: KubeObject, container: string): ComponentStart | undefined;
  /** The kubelet tells of each line any container writes: it lands in the CRI file on that pod's node. */
  printed(pod: KubeObject, container: string, entry: { readonly time: Date; readonly line: string }): void;
  /** What listens on this port of this pod, if it is part of the log path. */
  serve(pod: KubeObject, port: number, request: SandboxRequest): Promise<SandboxResponse> | undefined;
  /** What a container sees of the files that are simulated. */
  mounted?(pod: KubeObject, container: string): MountedFiles | undefined;
}

/** Made by `createLogPath(parts)` in src/sandbox/logs/log-path.ts. */
export interface LogPathParts {
  readonly store: ObjectStore;
  readonly account: SandboxAccount;
  readonly clock: SandboxClock;
  /** A component's own log line (goes to the kubelet, so it is itself a container log). */
  readonly print: (pod: KubeObject, container: string, line: string) => void;
  readonly layer?: LogPathLayer;
}

/** What stands over the log path's own behaviour: faults that no object tells of. */
export interface LogPathLayer {
  /** How a container starts instead. */
  start(pod: KubeObject, container: string): ComponentStart | undefined;
  /** What another pod hears from this one. */
  answer(pod: KubeObject, request: SandboxRequest, own: () => SandboxResponse | undefined): SandboxResponse | undefined;
  /** Why this pod does not reach that host, in the dialer's words. */
  unreachable(pod: KubeObject, host: string): string | undefined;
  /** Whether this collector has stopped reading, without a word. */
  stalled(pod: KubeObject): boolean;
}
