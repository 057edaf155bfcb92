//! The walk of the second check: every text of a record that leaves.

use super::{RecordRef, ValueRef};
use crate::privacy::{Check, Defect, Engine, Scalar};

impl RecordRef<'_> {
    /// Whether nothing is found in the record as it will be encoded. Its resource is checked by itself: all records of a
    /// request share it.
    pub(crate) fn verify(&self, engine: &Engine) -> Result<(), Defect> {
        let check = Check(engine);
        let parts = self.parts();
        check.text(parts.name)?;
        check.text(parts.target)?;
        parts.body.map_or(Ok(()), |body| check.text(body))?;
        parts.status_message.map_or(Ok(()), |message| check.text(message))?;
        for (key, value) in self.attributes() {
            check.text(key)?;
            match value {
                ValueRef::Str(text) => check.text(text)?,
                ValueRef::I64(number) => check.number(Scalar::I64(number))?,
                ValueRef::U64(number) => check.number(Scalar::U64(number))?,
                ValueRef::F64(number) => check.number(Scalar::F64(number))?,
                ValueRef::Bool(_) => {}
            }
        }
        Ok(())
    }
}
