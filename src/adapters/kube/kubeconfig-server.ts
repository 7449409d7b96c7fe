/** The server, and the EKS cluster, of a kubeconfig's context, read without a call. */
import { pickContext, type KubeconfigChoice } from './kubeconfig.ts';

export interface KubeconfigServer {
  readonly context: string;
  /** As written, without a trailing slash: to be compared with the endpoint that EKS returns. */
  readonly server: string;
  readonly namespace?: string;
  /** If the context or its cluster is named by ARN, as `aws eks update-kubeconfig` does. */
  readonly awsClusterArn?: string;
  /** What the names reveal about the EKS cluster, if anything. */
  readonly eks?: EksHint;
}

export interface EksHint {
  readonly cluster?: string;
  readonly region?: string;
}

/** Throws KUBECONFIG_INVALID, KUBE_CONTEXT_UNKNOWN. */
export async function kubeconfigServer(choice: KubeconfigChoice): Promise<KubeconfigServer> {
  const picked = await pickContext(choice);
  const names = [picked.cluster.name, picked.context];
  const arn = names.find((name) => arnPattern.test(name));
  const hint = names.map(eksHint).find((found) => found !== undefined);
  const region = hint?.region ?? regionOfEndpoint(picked.server);
  return {
    context: picked.context,
    server: picked.server,
    ...(picked.namespace && { namespace: picked.namespace }),
    ...(arn && { awsClusterArn: arn }),
    ...((hint || region) && { eks: { ...hint, ...(region && { region }) } }),
  };
}

const arnPattern = /^arn:[\w-]+:eks:([\w-]+):\d{12}:cluster\/([\w-]+)$/;

/** From an EKS cluster's ARN, or from eksctl's `user@cluster.region.eksctl.io`. */
export function eksHint(name: string): EksHint | undefined {
  const arn = arnPattern.exec(name);
  if (arn) return { cluster: arn[2]!, region: arn[1]! };
  const eksctl = /(?:^|@)([\w-]+)\.([a-z]{2}(?:-[a-z]+)+-\d+)\.eksctl\.io$/.exec(name);
  return eksctl ? { cluster: eksctl[1]!, region: eksctl[2]! } : undefined;
}

/** `https://<id>.gr7.ap-northeast-2.eks.amazonaws.com` (and `.cn`, `.api.aws`). */
const regionOfEndpoint = (server: string): string | undefined =>
  /\.([a-z]{2}(?:-[a-z]+)+-\d+)\.eks\.amazonaws\.com(?:\.cn)?$/.exec(new URL(server).hostname)?.[1] ??
  /\.eks-cluster\.([a-z]{2}(?:-[a-z]+)+-\d+)\.api\./.exec(new URL(server).hostname)?.[1];
