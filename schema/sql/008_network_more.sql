-- What `network create` chooses, and containers on several networks (store/network_lease.h).
ALTER TABLE network ADD COLUMN no_dns INTEGER NOT NULL DEFAULT 0; -- 1: members have no names there
-- Which of the container's interfaces it is: 0 is eth0.
ALTER TABLE network_lease ADD COLUMN slot INTEGER NOT NULL DEFAULT 0;
