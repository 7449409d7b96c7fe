/** Who is calling AWS, where, and until when. */

export interface Caller {
  /** 12 digits. */
  readonly account: string;
  /** As STS reports it: an IAM user's ARN or `arn:…:sts::…:assumed-role/…`. */
  readonly arn: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … taken from the ARN, never guessed from the region. */
  readonly partition: string;
  /** When the credentials expire, if they do. */
  readonly expires?: Date;
}

export interface Callers {
  /** Resolved once; every further call returns the same answer. */
  whoami(): Promise<Caller>;
}

/** Temporary credentials of a service account's role. Never logged, never journaled. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface WebIdentity {
  /** STS AssumeRoleWithWebIdentity, unsigned. Throws a ProblemError that distinguishes trust, provider and propagation. */
  assume(options: { readonly roleArn: string; readonly token: string; readonly session: string }): Promise<RoleCredentials>;
  /** Puts, gets, lists and deletes one probe object under `key` as that role. Throws a ProblemError naming the refused action. */
  probe(bucket: string, options: { readonly credentials: RoleCredentials; readonly key: string }): Promise<void>;
}
