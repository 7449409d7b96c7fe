/** The steps of install, in order. */
import type { Step } from '../engine/types.ts';
import type { Blueprint } from '../design/blueprint.ts';
import { association, formerAssociation } from './association.ts';
import { bucket } from './bucket.ts';
import type { Context } from '../context.ts';
import { grafanaDashboard, grafanaDatasource } from './grafana.ts';
import { identityProof } from './identity-proof.ts';
import { login } from './login.ts';
import { remediations } from './remediation.ts';
import { namespace } from './namespace.ts';
import { oidcProvider } from './oidc-provider.ts';
import { record } from './installation-record.ts';
import { release } from './release.ts';
import { rotation } from './rotation.ts';
import { role } from './role.ts';
import { serviceAccount } from './service-account.ts';
import { storageClass } from './storage-class.ts';

/** Every step that a journal may contain: the run that wrote it may have used the other kind of identity, or have run `doctor --fix`. */
export const everyStep = (): readonly Step<Context>[] => [
  ...steps({ identity: 'irsa', leavesPodIdentity: true }),
  association,
  grafanaDatasource,
  grafanaDashboard,
  ...remediations(),
];

/** The two kinds of identity differ in three steps; everything else is the same. */
export const steps = ({ identity, grafana, leavesPodIdentity }: Pick<Blueprint, 'identity' | 'grafana' | 'leavesPodIdentity'>): readonly Step<Context>[] => [
  bucket('chunks'),
  bucket('ruler'),
  ...(identity === 'irsa' ? [oidcProvider] : []),
  role,
  storageClass,
  namespace('loki'),
  namespace('collector'),
  record,
  login,
  serviceAccount,
  ...(identity === 'irsa' ? [identityProof] : [association]),
  release('loki'),
  ...(leavesPodIdentity ? [formerAssociation] : []),
  release('alloy'),
  ...(grafana ? [grafanaDatasource, grafanaDashboard] : []),
  rotation,
];

/** Includes what was created for a Grafana that is no longer found, or for the other kind of identity. */
export const removals = (blueprint: Pick<Blueprint, 'identity' | 'grafana'>): readonly Step<Context>[] => {
  const all = steps({ ...blueprint, ...(blueprint.identity === 'irsa' && { leavesPodIdentity: true }) });
  return blueprint.grafana ? all : [...all, grafanaDatasource, grafanaDashboard];
};
