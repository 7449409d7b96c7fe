# Alloy itself, and a look at its pods.
helm install alloy grafana/alloy --namespace alloy --create-namespace -f alloy-values.yaml
kubectl get pods -n alloy
