/** The EKS server's routes for pod identity associations. */
import type { Json } from '../../engine/types.ts';
import { AwsFault } from '../types.ts';
import type { EksCall, EksRoute } from './eks-call.ts';
import { cluster, listed, notFound } from './eks-call.ts';
import type { PodIdentityAssociation } from './eks-state.ts';
import { associationArn, associationOf } from './eks-state.ts';
import { roleByArn } from './iam-state.ts';

export const associationRoutes: readonly EksRoute[] = [
  { name: 'CreatePodIdentityAssociation', method: 'POST', path: '/clusters/:/pod-identity-associations', run: createAssociation },
  { name: 'ListPodIdentityAssociations', method: 'GET', path: '/clusters/:/pod-identity-associations', run: listAssociations },
  {
    name: 'DescribePodIdentityAssociation',
    method: 'GET',
    path: '/clusters/:/pod-identity-associations/:',
    run: (call) => ({ association: whole(call, association(call)) }),
  },
  { name: 'UpdatePodIdentityAssociation', method: 'POST', path: '/clusters/:/pod-identity-associations/:', run: updateAssociation },
  { name: 'DeletePodIdentityAssociation', method: 'DELETE', path: '/clusters/:/pod-identity-associations/:', run: deleteAssociation },
];

function association(call: EksCall): PodIdentityAssociation {
  const id = (call.path[1] ?? '').replace(/^a-/, '');
  const found = cluster(call).associations.get(id);
  if (found === undefined) throw notFound(`No association found in cluster: ${cluster(call).seed.name} with associationId: a-${id}`);
  return found;
}

function short(call: EksCall, one: PodIdentityAssociation): Readonly<Record<string, Json>> {
  return {
    clusterName: cluster(call).seed.name,
    namespace: one.namespace,
    serviceAccount: one.serviceAccount,
    associationArn: associationArn(cluster(call), one),
    associationId: `a-${one.id}`,
  };
}

function whole(call: EksCall, one: PodIdentityAssociation): Json {
  return {
    ...short(call, one),
    roleArn: one.roleArn,
    tags: one.tags,
    createdAt: one.created.getTime() / 1000,
    modifiedAt: one.modified.getTime() / 1000,
    disableSessionTags: false,
  };
}

function requireRole(call: EksCall): string {
  const arn = String(call.body['roleArn'] ?? '');
  call.requirePassRole(arn);
  if (roleByArn(call.iam, arn) === undefined) throw new AwsFault(400, 'InvalidParameterException', `Role provided in the request does not exist: ${arn}`);
  return arn;
}

function createAssociation(call: EksCall): Json {
  const { associations } = cluster(call);
  const namespace = String(call.body['namespace'] ?? '');
  const serviceAccount = String(call.body['serviceAccount'] ?? '');
  if (namespace === '' || serviceAccount === '') throw new AwsFault(400, 'InvalidParameterException', 'namespace and serviceAccount must not be empty');
  const roleArn = requireRole(call);
  if (associationOf(cluster(call), { namespace, serviceAccount })) {
    throw new AwsFault(
      409,
      'ResourceInUseException',
      `Association already exists: ${associationArn(cluster(call), associationOf(cluster(call), { namespace, serviceAccount }) as PodIdentityAssociation)}`,
    );
  }
  const created = call.state.clock.now();
  const tags = (call.body['tags'] ?? {}) as Record<string, string>;
  const made: PodIdentityAssociation = { id: call.state.nextId(), namespace, serviceAccount, roleArn, tags, created, modified: created };
  associations.set(made.id, made);
  return { association: whole(call, made) };
}

function listAssociations(call: EksCall): Json {
  const namespace = call.query.get('namespace');
  const serviceAccount = call.query.get('serviceAccount');
  const found = [...cluster(call).associations.values()]
    .filter((one) => namespace === null || one.namespace === namespace)
    .filter((one) => serviceAccount === null || one.serviceAccount === serviceAccount);
  return listed(
    call,
    'associations',
    found.map((one) => short(call, one)),
  );
}

function updateAssociation(call: EksCall): Json {
  const found = association(call);
  if (call.body['roleArn'] !== undefined) found.roleArn = requireRole(call);
  found.modified = call.state.clock.now();
  return { association: whole(call, found) };
}

function deleteAssociation(call: EksCall): Json {
  const found = association(call);
  cluster(call).associations.delete(found.id);
  return { association: whole(call, found) };
}
