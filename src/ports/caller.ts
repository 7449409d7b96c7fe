/** Who is calling AWS, where, and for how long still. */

export interface Caller {
  /** 12 digits. */
  readonly account: string;
  /** As STS says it: an IAM user's ARN or `arn:…:sts::…:assumed-role/…`. */
  readonly arn: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … taken from the ARN, never guessed from the region. */
  readonly partition: string;
  /** When the credentials end, if they do. */
  readonly expires?: Date;
}

export interface Callers {
  /** Asked once; every further call gets the same answer. */
  whoami(): Promise<Caller>;
}

/** Temporary credentials of a service account's role. Never logged, never journalled. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

export interface WebIdentity {
  /** STS AssumeRoleWithWebIdentity, unsigned. Throws a ProblemError that tells trust from provider from propagation. */
  assume(options: { readonly roleArn: string; readonly token: string; readonly session: string }): Promise<RoleCredentials>;
  /** Put, get, list and delete one probe object under `key` as that role. Throws a ProblemError naming the refused action. */
  probe(bucket: string, options: { readonly credentials: RoleCredentials; readonly key: string }): Promise<void>;
}
