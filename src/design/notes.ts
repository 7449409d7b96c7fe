/** What was decided for the user and is worth saying, one sentence each. */
import type { KubeObject } from '../ports/kubernetes.ts';
import type { Basis } from './basis.ts';
import { spreadNodes } from './sizes.ts';

export function notes(
  { settings, facts, sizing: { replicationFactor } }: Basis,
  found: { readonly nodes: number; readonly storage: { readonly name: string; readonly object?: KubeObject } },
): readonly string[] {
  const { nodes, storage } = found;
  const said: string[] = [];
  if (replicationFactor === 1)
    said.push(
      `Only ${nodes} node${nodes === 1 ? '' : 's'} can run Loki, so each line is held once instead of three times until it is in S3; with three nodes or more, run install again.`,
    );
  const now = spreadNodes(facts.nodes, facts.cluster.autoMode);
  if (now < nodes) said.push(`Loki is laid out for ${nodes} nodes and stays so, though only ${now} can run it now.`);
  if (storage.object !== undefined) said.push(`No StorageClass of the cluster fits, so Loki has its own: ${storage.name} (gp3, encrypted).`);
  if (settings.expose === 'internal' && settings.certificate === undefined)
    said.push('The internal load balancer has no certificate: the login crosses the VPC in clear text.');
  if (settings.alertmanagerUrl === undefined) said.push('No Alertmanager is set: rules are evaluated, but their alerts go nowhere.');
  const fargate = facts.nodes.filter(({ kind }) => kind === 'fargate').length;
  if (fargate > 0) said.push(`Pods on Fargate (${fargate} node${fargate === 1 ? '' : 's'}) are not collected: Fargate runs no DaemonSets.`);
  return said;
}
