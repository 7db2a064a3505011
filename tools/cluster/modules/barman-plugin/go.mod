module socle.dev/cluster/barman-plugin

go 1.26.4

require (
	github.com/cloudnative-pg/barman-cloud v0.3.3
	github.com/cloudnative-pg/plugin-barman-cloud v0.15.0
)
