// Plays mongosh to deploy/compose/init-mongodb.js: node mongosh.js SCRIPT STATE. Prints what it asked of the server.
const { readFileSync } = require("fs");
const { runInNewContext } = require("vm");

const state = JSON.parse(process.argv[3]);
const asked = [];
const admin = {
  runCommand(command) {
    asked.push(command);
    if (state.initiated) throw Object.assign(new Error("already initialized"), { codeName: "AlreadyInitialized" });
  },
  hello: () => ({ isWritablePrimary: state.elections-- <= 0 }),
  getRole: () => state.role,
  createRole: (role) => asked.push({ createRole: role }),
  updateRole: (name, role) => asked.push({ updateRole: name, ...role }),
  getUser: () => state.user,
  createUser: (user) => asked.push({ createUser: user }),
  updateUser: (name, user) => asked.push({ updateUser: name, ...user }),
};

class Mongo {
  constructor(url) {
    if (state.refusals-- > 0) throw new Error("connection refused");
    asked.push({ url });
  }

  getDB() {
    return admin;
  }
}

runInNewContext(readFileSync(process.argv[2], "utf8"), {
  Mongo,
  Date,
  encodeURIComponent,
  require: () => ({ readFileSync: (path) => `the ${path.split("/").pop()}\n` }),
  sleep: () => undefined,
  print: () => undefined,
});
console.log(JSON.stringify(asked));
