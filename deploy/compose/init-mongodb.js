// Run by mongosh (docker-compose.yml, mongodb-init): a replica set of one, and the user of the services. May run again.
const fs = require("fs");

const SECONDS = 120;
const ENGINE_ROLE = "seatledgerEngine";
const secret = (name) => fs.readFileSync(`/run/secrets/${name}`, "utf8").trim();

function root() {
  const password = encodeURIComponent(secret("mongodb_root_password"));
  const url = `mongodb://root:${password}@mongodb:27017/admin?directConnection=true&serverSelectionTimeoutMS=2000`;
  const admin = new Mongo(url).getDB("admin");
  admin.hello();
  return admin;
}

// On its first start mongod answers on its own address before it can be reached from here.
function patiently(attempt) {
  const end = Date.now() + SECONDS * 1000;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      sleep(1000);
    }
  }
}

function beginReplicaSet(admin) {
  try {
    admin.runCommand({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: "mongodb:27017" }] } });
  } catch (error) {
    if (error.codeName !== "AlreadyInitialized") throw error;
  }
}

function untilPrimary(admin) {
  patiently(() => {
    if (!admin.hello().isWritablePrimary) throw new Error("mongodb: no primary. Look at its log");
  });
}

// Lets `seatledger check` ask for the storage engine: the one that keeps all in memory says yes to journaled writes too.
function allowAskingForEngine(admin) {
  const privileges = [{ resource: { cluster: true }, actions: ["serverStatus"] }];
  if (admin.getRole(ENGINE_ROLE)) admin.updateRole(ENGINE_ROLE, { privileges, roles: [] });
  else admin.createRole({ role: ENGINE_ROLE, privileges, roles: [] });
}

function allowServices(admin) {
  const roles = [{ role: "readWrite", db: "seatledger" }, { role: ENGINE_ROLE, db: "admin" }];
  const user = { pwd: secret("mongodb_password"), roles };
  if (admin.getUser("seatledger")) admin.updateUser("seatledger", user);
  else admin.createUser({ user: "seatledger", ...user });
}

const admin = patiently(root);
beginReplicaSet(admin);
untilPrimary(admin);
allowAskingForEngine(admin);
allowServices(admin);
print("the replica set has a primary, and the services their user");
