// What a user of the client would write; the last line on stdout is what came back.
const { AutotaskRestApi } = require('@apigrate/autotask-restapi');

const base_url = process.argv[2];
const connect = (secret) => new AutotaskRestApi('api@msp.example', secret, 'MAINCODE', { base_url });

async function refusal(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return error;
  }
}

async function main() {
  const api = connect('s3cret');
  const seen = {};
  seen.company = (await api.Companies.get(101)).item.companyName;
  seen.missing = (await api.Companies.get(4711)).item;
  const three = { filter: [{ op: 'exist', field: 'id' }], maxRecords: 3 };
  seen.contracts = (await api.Contracts.query(three)).items.map((row) => row.id);
  seen.count = (await api.ContractServiceUnits.count({ filter: [{ op: 'eq', field: 'contractID', value: 501 }] })).queryCount;

  seen.patched = (await api.Contracts.update({ id: 501, description: 'by node' })).itemId;
  seen.description = (await api.Contracts.get(501)).item.description;
  const company = { id: 101, companyName: 'Fabrikam', companyType: 1, phone: '2', ownerResourceID: 5 };
  await api.Companies.update({ id: 101, city: 'Utrecht' });
  await api.Companies.replace(company);
  seen.replaced = (await api.Companies.get(101)).item.city;

  const line = (await api.ContractServices.create(501, { contractID: 501, serviceID: 9002 })).itemId;
  const change = { contractServiceID: line, unitChange: 4, effectiveDate: '2026-12-01' };
  seen.adjusted = (await api.ContractServiceAdjustments.create(501, change)).itemId;
  const ours = { filter: [{ op: 'eq', field: 'contractServiceID', value: line }, { op: 'gt', field: 'units', value: 0 }] };
  const row = (await api.ContractServiceUnits.query(ours)).items[0];
  const kept = (await api.ContractServices.get(line)).item;
  seen.line = { serviceID: kept.serviceID, unitPrice: kept.unitPrice, units: row.units };

  const note = { title: 'Seats', description: 'Checked' };
  const written = (await api.ContractNotes.create(501, note, { ImpersonationResourceId: 2999 })).itemId;
  seen.note = (await api.ContractNotes.get(written)).item.creatorResourceID;
  const charge = { name: 'True-up', chargeType: 1, datePurchased: '2026-03-05', unitQuantity: 1 };
  const charged = (await api.ContractCharges.create(501, charge)).itemId;
  seen.deleted = (await api.ContractCharges.delete(501, charged)).itemId === charged;

  const { fields } = await api.Contracts.fieldInfo();
  const types = fields.find((field) => field.name === 'contractType').picklistValues;
  seen.picklist = types.find((one) => one.value === '7').label;
  seen.modules = (await api.Modules.query()).items.length > 0;
  seen.noRoute = await api.ContractServiceAdjustments.query({ filter: [] });

  const below = { contractServiceID: line, unitChange: -9, effectiveDate: '2026-12-05' };
  const refused = await refusal(() => api.ContractServiceAdjustments.create(501, below));
  seen.refused = [refused.status, refused.details.errors[0]];
  seen.badSecret = (await refusal(() => connect('wrong').Companies.get(101))).status;
  const stranger = new AutotaskRestApi('nobody@msp.example', 's3cret', 'MAINCODE', { base_url });
  await refusal(() => stranger.Companies.get(101));
  seen.noZone = stranger.zoneInfo === null;
  console.log(JSON.stringify(seen));
}

main();
