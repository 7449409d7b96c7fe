# The charts' repository and the namespace of Loki.
helm repo add grafana https://grafana.github.io/helm-charts
helm repo update
kubectl create namespace loki
