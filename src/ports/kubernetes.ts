/** The Kubernetes API: objects by reference. Absence is `undefined`; every failure is a ProblemError of the kube area. */

export interface Ref {
  /** `v1`, `apps/v1`, … */
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
    readonly controller?: boolean;
  }[];
}

/** Any object. Read its other fields through your own narrow type; nothing is validated here. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface Query {
  readonly apiVersion: string;
  readonly kind: string;
  /** All namespaces when absent. */
  readonly namespace?: string;
  /** A label selector: `app.kubernetes.io/name=alloy,!x`. */
  readonly labels?: string;
  /** A field selector: `spec.nodeName=ip-10-0-0-1`. */
  readonly fields?: string;
  /** Fetch only `metadata`: a fraction of the bytes on a big cluster. */
  readonly metadataOnly?: boolean;
  /** Stop after about this many objects. */
  readonly limit?: number;
  /** What to keep of each object, page by page: on a big cluster the rest would be hundreds of megabytes. */
  readonly keep?: (object: KubeObject) => KubeObject;
}

/** A line of `kubectl get --output wide`: cells by the names of their columns. */
export type Row = Readonly<Record<string, string>>;

export interface Access {
  readonly verb: string;
  /** API group, empty for core. */
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

export interface Kubernetes {
  /** `v1.33.4-eks-…`. The cheapest proof that the server is reachable and the token valid. */
  version(): Promise<string>;
  get(ref: Ref): Promise<KubeObject | undefined>;
  list(query: Query): Promise<readonly KubeObject[]>;
  /** The same as the server's table: its own summary of each object's state, in some hundred bytes each. */
  table(query: Omit<Query, 'metadataOnly' | 'keep'>): Promise<readonly Row[]>;
  create(object: KubeObject): Promise<KubeObject>;
  /** Replaces an object that was read before (its resourceVersion guards the write). */
  replace(object: KubeObject): Promise<KubeObject>;
  /** JSON merge patch: `null` removes a field. */
  patch(ref: Ref, patch: object): Promise<KubeObject>;
  /**
   * Harmless if absent. Resolves when the server has accepted; see `gone` for the wait. `ifVersion`: only while its resourceVersion is this
   * one, else KUBE_CONFLICT.
   */
  delete(ref: Ref, options?: { readonly propagation?: 'Background' | 'Foreground' | 'Orphan'; readonly ifVersion?: string }): Promise<void>;
  /** Which of these the caller is not allowed to do (SelfSubjectAccessReview each, in parallel). */
  denied(accesses: readonly Access[]): Promise<readonly Access[]>;
  /** A service account's token (TokenRequest), at least `seconds` long. */
  token(of: { readonly namespace: string; readonly serviceAccount: string; readonly audience: string; readonly seconds: number }): Promise<string>;
  /** The last lines a container wrote. Empty when it has not started. */
  logs(of: {
    readonly namespace: string;
    readonly pod: string;
    readonly container?: string;
    readonly tail: number;
    readonly previous?: boolean;
  }): Promise<readonly string[]>;
  /** Raw GET through the API server (pod proxy, `/metrics`): status and body, no exception on 4xx/5xx. */
  raw(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** One HTTP request to a pod's port through a port-forward: supports any header, including a login. */
  forward(to: { readonly namespace: string; readonly pod: string; readonly port: number }, request: PodRequest): Promise<PodResponse>;
}

export interface PodRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}
export interface PodResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How to connect to a cluster's API. Built from DescribeCluster plus a token signed in process, or read from a kubeconfig. */
export type KubeAccess =
  | {
      readonly is: 'eks';
      readonly server: string;
      /** Base64 PEM. */
      readonly ca: string;
      /** A fresh bearer token, requested before every call; the provider does the caching. */
      readonly token: () => Promise<string>;
    }
  | { readonly is: 'kubeconfig'; readonly path?: string; readonly context?: string };
