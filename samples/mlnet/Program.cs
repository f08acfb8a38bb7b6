using Microsoft.ML;
using Microsoft.ML.Data;

// Trains a linear model of the credit data with ML.NET and writes it as ONNX, for the gate in this project's build:
//   dotnet run --project samples/mlnet -p:PostTrainGateEnabled=false -- samples/credit/credit.csv samples/mlnet/model.onnx
if (args is not [var table, var output])
{
    Console.Error.WriteLine("usage: MlNet TABLE.csv MODEL.onnx");
    return 2;
}

string[] numbers =
[
    "duration_months",
    "amount_dm",
    "installment_percent_of_income",
    "residence_since_years",
    "age",
    "credits_at_this_bank",
    "dependents",
];
string[] header = File.ReadLines(table).First().Split(',');
string[] texts = [.. header.Except([.. numbers, "personal_status", "credit"])]; // the status spells out sex and more

MLContext ml = new(seed: 1);
var rows = ml.Data.LoadFromTextFile(
    table,
    [
        .. header.Select(
            (name, i) => new TextLoader.Column(name, numbers.Contains(name) ? DataKind.Single : DataKind.String, i)
        ),
    ],
    separatorChar: ',',
    hasHeader: true,
    allowQuoting: true
);

// The rows that 'splits.trained' in the policy names: the gate measures on others.
var trained = ml.Data.FilterByCustomPredicate<Application>(rows, row => row.Amount % 10 is < 3 or >= 6);
var pipeline = ml
    .Transforms.Conversion.MapValueToKey("Label", "credit")
    .Append(ml.Transforms.Categorical.OneHotEncoding([.. texts.Select(t => new InputOutputColumnPair($"{t}_code", t))]))
    .Append(ml.Transforms.Concatenate("Numbers", numbers))
    .Append(ml.Transforms.NormalizeMinMax("Numbers"))
    .Append(ml.Transforms.Concatenate("Features", [.. texts.Select(t => $"{t}_code"), "Numbers"]))
    .Append(ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(l1Regularization: 0, l2Regularization: 0.05f));
var model = pipeline.Fit(trained);
using (var file = File.Create(output))
    ml.Model.ConvertToOnnx(model, rows, file);
Console.WriteLine($"wrote {output}");
return 0;

/// <summary>What decides whether a row is trained on.</summary>
internal sealed class Application
{
    /// <summary>Amount of the credit in Deutsche Mark.</summary>
    [ColumnName("amount_dm")]
    public float Amount { get; set; }
}
