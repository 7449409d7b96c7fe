/** EKS clusters and what AWS knows about them. */

export interface EksCluster {
  readonly name: string;
  readonly arn: string;
  /** CREATING | ACTIVE | DELETING | FAILED | UPDATING | PENDING */
  readonly status: string;
  /** `1.33` */
  readonly version: string;
  readonly platformVersion?: string;
  readonly endpoint?: string;
  /** Base64 PEM, as EKS returns it. */
  readonly certificateAuthority?: string;
  /** Verbatim, with `https://`. Absent on registered (non-EKS) clusters. */
  readonly issuer?: string;
  readonly vpc?: string;
  readonly endpointPublic: boolean;
  readonly endpointPrivate: boolean;
  readonly publicCidrs: readonly string[];
  /** API | API_AND_CONFIG_MAP | CONFIG_MAP */
  readonly authenticationMode?: string;
  readonly autoMode: boolean;
  readonly serviceCidr?: string;
  /** Registered through the connector, so not an EKS cluster. */
  readonly external: boolean;
  readonly healthIssues: readonly string[];
}

export interface Addon {
  readonly name: string;
  /** ACTIVE | CREATING | DEGRADED | … */
  readonly status: string;
  readonly version?: string;
  readonly issues: readonly string[];
}

export interface Clusters {
  names(): Promise<readonly string[]>;
  find(name: string): Promise<EksCluster | undefined>;
  /** `unknown` when AWS does not report it (permission, or an endpoint without this call). */
  addon(cluster: string, name: string): Promise<Addon | undefined | 'unknown'>;
}

/** EKS Pod Identity associations. */
export interface Association {
  readonly id: string;
  readonly arn: string;
  readonly roleArn: string;
  readonly tags: Readonly<Record<string, string>>;
}
export interface Associations {
  find(of: { readonly cluster: string; readonly namespace: string; readonly serviceAccount: string }): Promise<Association | undefined>;
  create(of: {
    readonly cluster: string;
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly roleArn: string;
    readonly tags: Readonly<Record<string, string>>;
  }): Promise<Association>;
  update(of: { readonly cluster: string; readonly id: string; readonly roleArn: string }): Promise<void>;
  /** Adds or overwrites these tags, keeps others. */
  tag(arn: string, tags: Readonly<Record<string, string>>): Promise<void>;
  untag(arn: string, keys: readonly string[]): Promise<void>;
  /** Harmless if absent. */
  delete(of: { readonly cluster: string; readonly id: string }): Promise<void>;
}
