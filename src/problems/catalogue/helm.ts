/** Problems of the area "helm". */
import { rows } from '../row.ts';

export const helm = rows({
  HELM_MISSING: {
    title: 'helm was not found',
    cause: 'No helm binary is on PATH.',
    fix: 'Install helm 3.14 or newer: https://helm.sh/docs/intro/install/ or name it with --helm PATH.',
    exit: 3,
    explain: 'Charts are installed by the real helm, so that helm list, helm get and helm rollback work as always.',
  },
});
