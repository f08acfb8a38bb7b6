using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Reading;
using PostTrainGate.Train;
using static TorchSharp.torch;

// Trains the model of a sample from its policy's repair split and writes it with a few snapshots of its training:
//   dotnet run --project eng/train -c Release -- samples/credit
if (args is not [var folder])
{
    Console.Error.WriteLine(
        "usage: dotnet run --project eng/train -c Release -- FOLDER (with posttraingate.yml and training.json)"
    );
    return 2;
}

try
{
    var recipe = Recipe.Read(Path.Combine(folder, "training.json"));
    var (policy, diagnostics) = PolicyReader.Read(folder);
    if (policy is null)
        throw new GateException([.. diagnostics]);
    set_num_threads(1); // sums in one order: the same weights on any machine of one kind
    random.manual_seed(policy.Seed);
    using var data = DataReader.Read(policy);
    var history = Trainer.Train(recipe, data.Repair, policy.Seed, Console.WriteLine);
    var best = history.MinBy(e => e.HeldOutLoss)!;
    best.Save(policy.Model!.FullPath, data.Repair);
    var snapshots = Path.Combine(policy.Folder, "history");
    if (Directory.Exists(snapshots))
        Directory.Delete(snapshots, recursive: true);
    var kept = Enumerable
        .Range(1, recipe.Snapshots)
        .Select(i => (int)Math.Ceiling((double)best.Number * i / recipe.Snapshots));
    foreach (var epoch in kept.Distinct())
        history[epoch - 1]
            .Save(
                Path.Combine(snapshots, string.Create(CultureInfo.InvariantCulture, $"epoch-{epoch:D3}.onnx")),
                data.Repair
            );
    Console.WriteLine($"kept epoch {best.Number} of {history.Length}: {policy.Model.Text}");
    return 0;
}
catch (GateException e)
{
    foreach (var diagnostic in e.Diagnostics)
        Console.Error.WriteLine(diagnostic);
    return 1;
}
