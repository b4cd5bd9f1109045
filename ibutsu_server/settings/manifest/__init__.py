"""The environments that compose files and Kubernetes manifests give the processes."""
