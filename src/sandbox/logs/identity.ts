/** What the simulated account's issuer can do beyond the shared contract. */

export interface ServiceAccountTokens {
  /** A signed token as the kubelet projects it into a pod. */
  signServiceAccountToken(of: { readonly namespace: string; readonly serviceAccount: string; readonly audience: string; readonly seconds: number }): string;
}
