//! The books after a crash. Knows tables, and what must hold between them; compares them with what clients remember.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use serde_json::{Value, json};

use super::client::Client;
use super::machine::{Line, Machine, SHARED, SLUG, Tenant};

/// Each query finds what must not be, one line each.
const COMPLAINTS: &[(&str, &str)] = &[
    (
        "a person without access",
        "SELECT u.id::text AS line FROM users u WHERE NOT EXISTS (SELECT FROM user_access a WHERE a.user_id = u.id)",
    ),
    (
        "access that is not what the person's state and groups give",
        "SELECT u.id::text AS line FROM users u JOIN user_access a ON a.user_id = u.id \
         WHERE (a.access #>> '{status,kind}') <> CASE WHEN u.active THEN 'granted' ELSE 'inactive' END \
            OR (jsonb_array_length(a.access -> 'flags') > 0) <> (u.active AND EXISTS (SELECT FROM group_member m \
                JOIN groups g ON g.id = m.group_id WHERE m.user_id = u.id AND g.doc ->> 'displayName' = 'Everybody'))",
    ),
    (
        "columns that are not what the document says",
        "SELECT id::text AS line FROM users WHERE active <> coalesce((doc ->> 'active')::boolean, true) \
            OR user_name_key <> lower(doc ->> 'userName')",
    ),
    (
        "e-mail rows that are not those of the document",
        "SELECT u.id::text AS line FROM users u WHERE \
            ARRAY(SELECT lower(e ->> 'value') COLLATE \"C\" FROM jsonb_array_elements(coalesce(u.doc -> 'emails', '[]')) \
                WITH ORDINALITY AS x (e, n) ORDER BY n) \
            <> ARRAY(SELECT value_key FROM user_email m WHERE m.user_id = u.id ORDER BY ordinal)",
    ),
    (
        "a name that two people have",
        "SELECT min(doc ->> 'userName') AS line FROM users GROUP BY lower(doc ->> 'userName') HAVING count(*) > 1",
    ),
    (
        "a name that two groups have",
        "SELECT min(doc ->> 'displayName') AS line FROM groups GROUP BY lower(doc ->> 'displayName') HAVING count(*) > 1",
    ),
    (
        "people and the events of their coming and going",
        "SELECT id || ' ' || provided || ' ' || deleted || ' ' || there AS line FROM ( \
            SELECT id, count(*) FILTER (WHERE action = 'user.provision') AS provided, \
                count(*) FILTER (WHERE action = 'user.delete') AS deleted, \
                count(*) FILTER (WHERE action = 'there') AS there \
            FROM (SELECT target_id AS id, action FROM audit_event WHERE action IN ('user.provision', 'user.delete') \
                UNION ALL SELECT id::text, 'there' FROM users) AS said GROUP BY id) AS person \
         WHERE provided <> 1 OR deleted + there <> 1",
    ),
    (
        "a version that is not the number of changes",
        "SELECT u.id::text AS line FROM users u WHERE version <> 1 + (SELECT count(*) FROM audit_event a \
            WHERE a.target_id = u.id::text AND a.action IN ('user.update', 'user.deactivate', 'user.reactivate')) \
         UNION ALL \
         SELECT g.id::text FROM groups g WHERE version <> 1 + (SELECT count(DISTINCT a.request_id) FROM audit_event a \
            WHERE a.target_id = g.id::text AND a.action LIKE 'group.members.%' AND NOT EXISTS (SELECT FROM audit_event c \
                WHERE c.request_id = a.request_id AND c.action = 'group.create'))",
    ),
    (
        "audit events and announcements that do not go together",
        "WITH pair (action, fact) AS (VALUES ('user.provision', 'user.provisioned'), ('user.update', 'user.updated'), \
            ('user.deactivate', 'user.deactivated'), ('user.reactivate', 'user.reactivated'), \
            ('user.delete', 'user.deleted'), ('access.change', 'access.changed'), ('seat.grant', 'seat.granted'), \
            ('seat.promote', 'seat.granted'), ('seat.wait', 'seat.waiting'), ('seat.release', 'seat.released')), \
         noted AS (SELECT fact, target_id AS id, request_id, count(*) AS n FROM audit_event JOIN pair USING (action) \
            GROUP BY 1, 2, 3), \
         told AS (SELECT fact, subject_id, request_id FROM outbox UNION ALL SELECT fact, subject_id, request_id FROM signal), \
         sent AS (SELECT fact, subject_id AS id, request_id, count(*) AS n FROM told \
            WHERE fact IN (SELECT fact FROM pair) GROUP BY 1, 2, 3) \
         SELECT fact || ' ' || id AS line FROM noted FULL JOIN sent USING (fact, id, request_id) \
         WHERE noted.n IS DISTINCT FROM sent.n",
    ),
    (
        "members that are not those who came and did not go",
        "WITH moved AS ( \
            SELECT target_id AS group_id, jsonb_array_elements_text(after -> 'members') AS user_id, 1 AS n \
                FROM audit_event WHERE action = 'group.members.add' \
            UNION ALL SELECT target_id, jsonb_array_elements_text(before -> 'members'), -1 \
                FROM audit_event WHERE action = 'group.members.remove'), \
         noted AS (SELECT group_id, user_id, sum(n) AS n FROM moved \
            WHERE user_id IN (SELECT id::text FROM users) GROUP BY 1, 2), \
         there AS (SELECT group_id::text, user_id::text, 1 AS n FROM group_member) \
         SELECT group_id || ' ' || user_id AS line FROM noted FULL JOIN there USING (group_id, user_id) \
         WHERE coalesce(noted.n, 0) <> coalesce(there.n, 0)",
    ),
    (
        "a person with another number of seats and places in line than one, or none if inactive",
        "SELECT u.id::text AS line FROM users u WHERE u.active::integer <> \
            (SELECT count(*) FROM seat_hold h WHERE h.user_id = u.id) \
            + (SELECT count(*) FROM seat_waiter w WHERE w.user_id = u.id)",
    ),
    (
        "a counter that is not the number of holds, the sum and the length of the ledger",
        "SELECT used || ' ' || holds || ' ' || total || ' ' || lines || ' ' || seq AS line FROM seat_pool, \
            (SELECT count(*) AS holds FROM seat_hold) AS h, \
            (SELECT coalesce(sum(delta), 0) AS total, count(*) AS lines FROM seat_ledger) AS l \
         WHERE used <> holds OR used <> total OR seq <> lines OR used > purchased",
    ),
    (
        "a seat that is free while somebody waits",
        "SELECT used::text AS line FROM seat_pool WHERE used < purchased AND EXISTS (SELECT FROM seat_waiter)",
    ),
    (
        "a gap in the ledger, or a line that does not follow from those before",
        "SELECT seq::text AS line FROM (SELECT seq, used_after, row_number() OVER w AS n, sum(delta) OVER w AS used \
            FROM seat_ledger WINDOW w AS (ORDER BY seq)) AS l WHERE seq <> n OR used_after <> used",
    ),
    (
        "a ledger that does not say who holds a seat",
        "SELECT user_id::text AS line FROM (SELECT user_id, sum(delta) AS n FROM seat_ledger GROUP BY 1) AS l \
         FULL JOIN (SELECT user_id, 1 AS n FROM seat_hold) AS h USING (user_id) \
         WHERE coalesce(l.n, 0) <> coalesce(h.n, 0)",
    ),
    (
        "a ledger line without its audit event, or the other way round",
        "WITH pair (action, cause) AS (VALUES ('seat.grant', 'claim'), ('seat.release', 'release'), \
            ('seat.promote', 'promotion')), \
         noted AS (SELECT cause, target_id AS id, request_id FROM audit_event JOIN pair USING (action)), \
         line AS (SELECT cause, user_id::text AS id, request_id, seq FROM seat_ledger) \
         SELECT cause || ' ' || id AS line FROM noted FULL JOIN line USING (cause, id, request_id) \
         WHERE noted IS NULL OR seq IS NULL",
    ),
];

const PEOPLE: &str = "\
SELECT u.id || ' ' || (u.doc ->> 'userName') || ' active ' || u.active || ' version ' || u.version || ' ' \
    || coalesce(u.doc #>> '{emails,0,value}', '') AS line FROM users u";
const GROUPS: &str = "\
SELECT g.id || ' ' || (g.doc ->> 'displayName') || ' version ' || g.version || coalesce( \
    (SELECT string_agg(' ' || m.user_id, '' ORDER BY m.user_id::text COLLATE \"C\") FROM group_member m \
     WHERE m.group_id = g.id), '') AS line FROM groups g";

/// The database as its owner sees it inside the tenant, and the doors.
pub struct Books<'a> {
    machine: &'a Machine,
    tenant: &'a Tenant,
    database: AsyncPgConnection,
}

impl<'a> Books<'a> {
    pub async fn open(machine: &'a Machine, tenant: &'a Tenant) -> Self {
        let mut database = machine.database().await;
        // Without statistics of tables that grow so fast, the queries below take seconds.
        database.batch_execute("ANALYZE").await.unwrap();
        database.batch_execute(&format!("SET app.tenant_id = '{}'", tenant.id)).await.unwrap();
        Self { machine, tenant, database }
    }

    /// Everything that is wrong while the clients pause, one line each.
    pub async fn audit(&mut self, clients: &[impl Deref<Target = Client>]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (what, query) in COMPLAINTS {
            wrong.extend(self.lines(query).await.into_iter().map(|line| format!("{what}: {line}")));
        }
        let (people, groups) = remembered(clients);
        compare("person", &people, self.lines(PEOPLE).await, &mut wrong);
        compare("group", &groups, self.lines(GROUPS).await, &mut wrong);
        self.ask_the_doors(&people, &groups, &mut wrong).await;
        wrong
    }

    async fn lines(&mut self, query: &str) -> Vec<String> {
        let rows: Vec<Line> = diesel::sql_query(query).load(&mut self.database).await.unwrap();
        rows.into_iter().map(|row| row.line).collect()
    }

    async fn ask_the_doors(
        &self,
        people: &BTreeSet<String>,
        groups: &BTreeSet<String>,
        wrong: &mut Vec<String>,
    ) {
        for (path, there) in [("Users", people), ("Groups", groups)] {
            let ids: BTreeSet<&str> = there.iter().filter_map(|line| line.split(' ').next()).collect();
            let mut listed = BTreeSet::new();
            let mut seen = 0;
            loop {
                let query = format!("startIndex={}&count=200&attributes=id", seen + 1);
                let page = self.get(&format!("/scim/v2/{path}?{query}"), &self.tenant.scim_token).await;
                if page["totalResults"] != ids.len() {
                    wrong.push(format!("{} {path} listed of {}", page["totalResults"], ids.len()));
                }
                let resources = page["Resources"].as_array().cloned().unwrap_or_default();
                seen += resources.len();
                listed.extend(resources.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
                if resources.is_empty() || seen > ids.len() {
                    break;
                }
            }
            if seen != ids.len() || !listed.iter().map(String::as_str).eq(ids) {
                wrong.push(format!("{path} are listed otherwise than they are there"));
            }
        }
        let address = format!("/api/v1/tenants/{SLUG}/seat-pool");
        let pool = self.get(&address, &self.tenant.operator_token).await;
        if pool["reconciled"] != true {
            wrong.push(format!("the seat pool is not reconciled: {pool}"));
        }
        // More seats, so that there are always some who get one and some who wait.
        let more = json!({"purchased": pool["used"].as_u64().unwrap() + 15, "atLimit": "waitlist"});
        let bought = self
            .machine
            .http
            .put(format!("{}{address}", self.machine.base))
            .bearer_auth(&self.tenant.operator_token)
            .json(&more);
        assert_eq!(bought.send().await.unwrap().status().as_u16(), 200);
    }

    async fn get(&self, address: &str, token: &str) -> Value {
        let request = self.machine.http.get(format!("{}{address}", self.machine.base)).bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{address}");
        response.json().await.unwrap()
    }
}

/// People and groups as the clients remember them, written as the queries write them.
fn remembered(clients: &[impl Deref<Target = Client>]) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut people = BTreeSet::new();
    let mut groups = BTreeSet::new();
    let mut shared = (1, BTreeSet::new());
    for client in clients {
        people.extend(client.people.iter().map(|person| {
            let (id, name, active) = (&person.id, &person.user_name, person.active);
            let (version, revision) = (person.version, person.revision);
            format!("{id} {name} active {active} version {version} {name}-r{revision}@Work.example")
        }));
        groups.extend(client.groups.iter().map(|it| group(&it.id, &it.name, it.version, &it.members)));
        shared.0 += client.shared.version;
        shared.1.extend(client.shared.members.iter().cloned());
    }
    if let Some(client) = clients.first() {
        groups.insert(group(&client.shared.id, SHARED, shared.0, &shared.1));
    }
    (people, groups)
}

fn group(id: &str, name: &str, version: u64, members: &BTreeSet<String>) -> String {
    let members = members.iter().fold(String::new(), |line, member| line + " " + member);
    format!("{id} {name} version {version}{members}")
}

fn compare(what: &str, remembered: &BTreeSet<String>, there: Vec<String>, wrong: &mut Vec<String>) {
    let mut counted: BTreeMap<String, u32> = BTreeMap::new();
    for line in there {
        *counted.entry(line).or_default() += 1;
    }
    let missing = remembered.iter().filter(|line| !counted.contains_key(*line));
    wrong.extend(missing.map(|line| format!("{what} not as answered: {line}")));
    let stray = counted.iter().filter(|(line, times)| !remembered.contains(*line) || **times > 1);
    wrong
        .extend(stray.map(|(line, times)| format!("{what} that nobody was answered, {times} times: {line}")));
}
