# Writes samples/credit/credit.csv from the dummy-coded table of Debian's r-cran-caret: each block of dummies becomes one column again.
#   Rscript eng/samples/credit.R /usr/lib/R/site-library/caret/data/GermanCredit.RData > samples/credit/credit.csv
load(commandArgs(trailingOnly = TRUE)[1])

# The name of the one dummy of the block that is 1, in words.
block <- function(prefix, words) {
  dummies <- as.matrix(GermanCredit[, paste0(prefix, ".", names(words))])
  stopifnot(rowSums(dummies) == 1)
  unname(words[max.col(dummies)])
}

personal <- block("Personal", c(Male.Divorced.Seperated = "male: divorced or separated", Female.NotSingle = "female: not single",
  Male.Single = "male: single", Male.Married.Widowed = "male: married or widowed", Female.Single = "female: single"))

# caret's 1 is UCI's first code of each: A191 (no telephone) and A201 (foreign worker).
stopifnot(sum(GermanCredit$Telephone) == 596, sum(GermanCredit$ForeignWorker) == 963)

credit <- with(GermanCredit, data.frame(
  checking_account = block("CheckingAccountStatus", c(lt.0 = "below 0 DM", `0.to.200` = "0 to 200 DM", gt.200 = "200 DM or more", none = "none")),
  duration_months = Duration,
  credit_history = block("CreditHistory", c(NoCredit.AllPaid = "none taken or all paid", ThisBank.AllPaid = "all paid at this bank",
    PaidDuly = "paid duly so far", Delay = "delay in the past", Critical = "critical account")),
  purpose = block("Purpose", c(NewCar = "new car", UsedCar = "used car", Furniture.Equipment = "furniture", Radio.Television = "radio or television",
    DomesticAppliance = "domestic appliance", Repairs = "repairs", Education = "education", Vacation = "vacation", Retraining = "retraining",
    Business = "business", Other = "other")),
  amount_dm = Amount,
  savings = block("SavingsAccountBonds", c(lt.100 = "below 100 DM", `100.to.500` = "100 to 500 DM", `500.to.1000` = "500 to 1000 DM",
    gt.1000 = "1000 DM or more", Unknown = "unknown or none")),
  employed_since = block("EmploymentDuration", c(lt.1 = "under 1 year", `1.to.4` = "1 to 4 years", `4.to.7` = "4 to 7 years", gt.7 = "7 years or more",
    Unemployed = "unemployed")),
  installment_percent_of_income = InstallmentRatePercentage,
  sex = sub(":.*", "", personal),
  personal_status = personal,
  other_debtors = block("OtherDebtorsGuarantors", c(None = "none", CoApplicant = "co-applicant", Guarantor = "guarantor")),
  residence_since_years = ResidenceDuration,
  property = block("Property", c(RealEstate = "real estate", Insurance = "savings or life insurance", CarOther = "car or other", Unknown = "unknown or none")),
  age = Age,
  other_installments = block("OtherInstallmentPlans", c(Bank = "bank", Stores = "stores", None = "none")),
  housing = block("Housing", c(Rent = "rent", Own = "own", ForFree = "for free")),
  credits_at_this_bank = NumberExistingCredits,
  job = block("Job", c(UnemployedUnskilled = "unskilled non-resident", UnskilledResident = "unskilled resident", SkilledEmployee = "skilled",
    Management.SelfEmp.HighlyQualified = "management or self-employed")),
  dependents = NumberPeopleMaintenance,
  telephone = ifelse(Telephone == 1, "none", "yes"),
  foreign_worker = ifelse(ForeignWorker == 1, "yes", "no"),
  credit = tolower(as.character(Class))))

write.csv(credit, stdout(), row.names = FALSE, quote = FALSE)
