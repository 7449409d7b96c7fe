/** The interfaces between the parts of the sandbox: one World, its AWS half, its Kubernetes half, and the log path between them. */
import type { Json } from '../engine/types.ts';
import type { KubeObject } from '../ports/kubernetes.ts';

export interface SandboxClock {
  now(): Date;
  /** Runs later in simulated time; returns how to cancel. All delays of the sandbox use this. */
  after(ms: number, act: () => void): () => void;
}

// ---------------------------------------------------------------- AWS half (src/sandbox/aws)

export interface SandboxCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** An AWS error answer, which each AWS server renders in its protocol. */
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
  /** The role that an EKS Pod Identity association gives to a service account. */
  podIdentityRole(namespace: string, serviceAccount: string): string | undefined;
  /** Credentials of a role without a token: node roles and pod identity. */
  credentialsOf(roleArn: string, pod?: { readonly namespace: string; readonly serviceAccount: string }): SandboxCredentials;
  putObject(credentials: SandboxCredentials, bucket: string, key: string, body: Uint8Array): void;
  getObject(credentials: SandboxCredentials, bucket: string, key: string): Uint8Array;
  deleteObject(credentials: SandboxCredentials, bucket: string, key: string): void;
  listObjects(credentials: SandboxCredentials, bucket: string, prefix: string): readonly string[];
  /**
   * The caller that a presigned `GetCallerIdentity` URL (an EKS bearer token, unwrapped) identifies: checks signature, age and that `x-k8s-aws-id`
   * names this cluster. `undefined` when any is wrong.
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

/** What runs in pods (src/sandbox/cluster, src/sandbox/logs), as the API server's subresources access it. */
export interface PodRuntime {
  /** Lines a container has written, with the time of each; empty before it started. */
  logs(pod: KubeObject, container: string, options: { readonly previous?: boolean }): readonly { readonly time: Date; readonly line: string }[];
  /** Called for every further line until the returned function is called. */
  follow(pod: KubeObject, container: string, listener: (entry: { readonly time: Date; readonly line: string }) => void): () => void;
  /** An HTTP request to a port of a pod. 502 when nothing listens there. */
  request(pod: KubeObject, port: number, request: SandboxRequest): Promise<SandboxResponse>;
  /** Runs a program to its end in a container; `undefined` when it is not simulated. */
  execute?(pod: KubeObject, container: string, words: readonly string[]): Executed | undefined;
}

export interface Executed {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface MountedFiles {
  /** Paths of mounts, whether there are files below or not. */
  readonly roots: readonly string[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

export interface SandboxRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The client's address; a port-forward's is the pod's own loopback. */
  readonly from?: string;
}
export interface SandboxResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

// ---------------------------------------------------------------- faults

/** One fault rule. `call` is `s3:CreateBucket`, `iam:CreateRole`, `kube:create:secrets`; globs are allowed. */
export interface Fault {
  readonly call: string;
  /** `before`: refused, no effect. `after`: took effect, then an error. `lost`: took effect, the connection is closed. */
  readonly how: 'before' | 'after' | 'lost' | 'throttle' | 'deny' | 'slow' | 'answer';
  /** Only from the n-th matching call on (1 is the first), and this many times. */
  readonly from?: number;
  readonly times?: number;
  readonly ms?: number;
  /** The answer with `how: 'answer'`; `body` is all of it. */
  readonly answer?: { readonly status: number; readonly code: string; readonly message: string; readonly body?: string };
}

/** Every call that reaches a server, in order: what tests count and compare. */
export interface Call {
  readonly call: string;
  readonly write: boolean;
  readonly status: number;
  /** For the Kubernetes API: what its authorizer was asked, and for which user. */
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
  /** The whole simulated account and cluster as sorted, timeless JSON (no uids, versions, times): if two are equal, nothing is left behind. */
  snapshot(): Json;
}

// ---------------------------------------------------------------- log path (src/sandbox/logs)

/** How a container of the log path (Loki, gateway, Alloy) comes up, judged by what was really deployed. */
export interface ComponentStart {
  readonly lines: readonly string[];
  readonly ready: boolean;
  /** The process exits at once. */
  readonly crash?: { readonly exitCode: number };
}

/** What a container that is a real process reports to the kubelet. */
export interface LaunchOptions {
  readonly kind: 'init' | 'sidecar' | 'main';
  readonly restarts: number;
  /** The pod's address, which its status may not show yet. */
  readonly address: string;
  /** A complete line of its output, which is in its file already. */
  readonly line: (text: string) => void;
  readonly ready: (is: boolean, why?: string) => void;
  /** A liveness or startup probe has failed; the container is being stopped. */
  readonly unhealthy: (why: string) => void;
  readonly ended: (code: number) => void;
}

export interface Launched {
  /** SIGTERM, and SIGKILL after the grace period; resolves when it has exited. */
  stop(graceMs: number): Promise<void>;
  signal(name: NodeJS.Signals): boolean;
}

export interface LogPath {
  /** Starts a container as a real process, where it is one: only a sandbox with real programs does so. */
  launch?(pod: KubeObject, container: string, options: LaunchOptions): Launched | undefined;
  /** Whether the pod has a real container: it then stays until its processes have exited. */
  launches?(pod: KubeObject): boolean;
  /** Called by the kubelet when a container starts (and again while it is not ready); `undefined` for containers outside the log path. */
  start(pod: KubeObject, container: string): ComponentStart | undefined;
  /** Called by the kubelet for each line a container writes: it ends up in the CRI file on that pod's node. */
  printed(pod: KubeObject, container: string, entry: { readonly time: Date; readonly line: string }): void;
  /** What listens on this port of this pod, if it is part of the log path. */
  serve(pod: KubeObject, port: number, request: SandboxRequest): Promise<SandboxResponse> | undefined;
  /** The simulated files that a container sees. */
  mounted?(pod: KubeObject, container: string): MountedFiles | undefined;
}

/** Created by `createLogPath(parts)` in src/sandbox/logs/log-path.ts. */
export interface LogPathParts {
  readonly store: ObjectStore;
  readonly account: SandboxAccount;
  readonly clock: SandboxClock;
  /** A component's own log line (passed to the kubelet, so it is itself a container log). */
  readonly print: (pod: KubeObject, container: string, line: string) => void;
  readonly layer?: LogPathLayer;
}

/** Overrides of the log path's own behavior: faults that no object expresses. */
export interface LogPathLayer {
  /** How a container starts instead. */
  start(pod: KubeObject, container: string): ComponentStart | undefined;
  /** What this pod answers to another one instead. */
  answer(pod: KubeObject, request: SandboxRequest, own: () => SandboxResponse | undefined): SandboxResponse | undefined;
  /** Why this pod can't reach that host, as the dialer's message. */
  unreachable(pod: KubeObject, host: string): string | undefined;
  /** Whether this collector has stopped reading, without any error. */
  stalled(pod: KubeObject): boolean;
}
