-- Networks, and the containers on them (store/network.h). docs/store-format.md explains each table.
-- Addresses and subnets are text; '' is none.
CREATE TABLE network (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    bridge TEXT NOT NULL, -- name of the interface; '': not chosen yet
    subnet4 TEXT NOT NULL,
    gateway4 TEXT NOT NULL,
    range4 TEXT NOT NULL, -- where addresses are taken from; '': anywhere in the subnet
    subnet6 TEXT NOT NULL,
    gateway6 TEXT NOT NULL,
    internal INTEGER NOT NULL, -- 1: nothing outside is reached
    fixed INTEGER NOT NULL,    -- 1: the user named the subnets, which therefore stay
    options TEXT NOT NULL,     -- JSON object
    labels TEXT NOT NULL,      -- JSON object
    created_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE network_lease (
    container_id TEXT NOT NULL REFERENCES container (id) ON DELETE CASCADE,
    network_id TEXT NOT NULL REFERENCES network (id),
    address4 TEXT NOT NULL,
    address6 TEXT NOT NULL,
    mac TEXT NOT NULL,
    names TEXT NOT NULL, -- what other containers call it, beside its name; one a line
    ports TEXT NOT NULL, -- what is published (runtime/net_port.h), one a line
    -- who took it: the process that runs the container
    pid INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    PRIMARY KEY (container_id, network_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX network_lease_address4 ON network_lease (network_id, address4)
    WHERE address4 <> '';
CREATE UNIQUE INDEX network_lease_address6 ON network_lease (network_id, address6)
    WHERE address6 <> '';
