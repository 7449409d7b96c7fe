/** `loki-eks kube-token`: the exec plugin of the kubeconfig for helm, so that no other program is needed to sign in. */
import { stop } from '../../problems/problem.ts';
import type { Command } from '../command.ts';

/** EKS accepts a token for 15 minutes; one minute is reserved for clock skew. */
const VALID_MS = 14 * 60_000;

export const kubeToken: Command = {
  name: 'kube-token',
  summary: "print a token for the cluster's API as an ExecCredential",
  about: "Prints a token for the cluster's API as an ExecCredential, the format that kubectl and helm expect from an exec plugin.",
  examples: [],
  settings: [],
  flags: [
    { flag: '--cluster', placeholder: 'NAME', description: 'EKS cluster' },
    { flag: '--region', placeholder: 'REGION', description: 'AWS region' },
    { flag: '--profile', placeholder: 'NAME', description: 'AWS profile' },
  ],
  hidden: true,
  run: async ({ flags }, platform) => {
    const [cluster, region, profile] = ['cluster', 'region', 'profile'].map((name) => (typeof flags[name] === 'string' ? flags[name] : undefined));
    if (!cluster) throw stop('ARGUMENT_MISSING', { message: 'loki-eks kube-token requires --cluster', fix: 'loki-eks kube-token --cluster NAME' });
    const deps = await platform.deps({ hide: () => {} });
    try {
      const aws = await deps.aws({ ...(region && { region }), ...(profile && { profile }) });
      const token = await aws.kubeToken(cluster);
      const expirationTimestamp = new Date(platform.now().getTime() + VALID_MS).toISOString().replace(/\.\d+Z$/, 'Z');
      platform.stdout.write(
        `${JSON.stringify({ kind: 'ExecCredential', apiVersion: askedVersion(platform.env['KUBERNETES_EXEC_INFO']), spec: {}, status: { token, expirationTimestamp } })}\n`,
      );
      return 0;
    } finally {
      await deps.dispose();
    }
  },
};

/** The caller requests a version; the response must have the same one. */
function askedVersion(info: string | undefined): string {
  const asked = /"apiVersion"\s*:\s*"(client\.authentication\.k8s\.io\/v1(?:beta1)?)"/.exec(info ?? '')?.[1];
  return asked ?? 'client.authentication.k8s.io/v1';
}
