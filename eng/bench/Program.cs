using PostTrainGate.Bench;
using PostTrainGate.Torch;

VectorWidth.Pin(); // both before the first tensor, as the command line does
IdleThreads.Sleep();

// One file per benchmark; a new one is one more line here.
Dictionary<string, (Func<string[], int> Run, string Summary)> benchmarks = new()
{
    ["attacks"] = (AttackBench.Run, "attacks in units of an input-gradient pass, beside other tools"),
    ["autoattack"] = (
        AutoAttackBench.Run,
        "AutoAttack's standard version beside autoattack_fast, on images that neither was tuned on"
    ),
    ["adversarial"] = (AdversarialBench.Run, "adversarial tuning of the Fashion-MNIST cnn, attacked afresh"),
    ["beside"] = (BesideBench.Run, "seconds of attacks beside the usual loops over a module by hand, in turn"),
    ["certify"] = (
        CertifyBench.Run,
        "certified accuracy of the fixtures by IBP and CROWN beside an attack, and seconds a row"
    ),
    ["coverage"] = (CoverageBench.Run, "how often 95 % intervals of group metrics hold the truth, on simulated data"),
    ["dare"] = (DareBench.Run, "Dare on the Fashion-MNIST cnn: static and fresh attacks, and noise of the same size"),
    ["fairness"] = (FairnessBench.Run, "twelve group metrics of 10 million predictions in Parquet: time and memory"),
    ["fmt"] = (FmtBench.Run, "FMT against its publication: source metrics, slices, every mode and variant"),
    ["halves"] = (
        HalvesBench.Run,
        "seven published fairness tasks: chosen on one half of x_test, reported on the other"
    ),
    ["loops"] = (LoopBench.Run, "the usual loops of adversarial training by hand, with the passes of a tournament"),
    ["mend"] = (MendBench.Run, "every kind of gate, failed by a small model and repaired"),
    ["natives"] = (NativesBench.Run, "loads the native libraries and a model: what a start is held against"),
    ["null"] = (NullBench.Run, "how often random noise or shuffled labels are proposed as a repair"),
    ["robust"] = (RobustBench.Run, "the whole tournament on Fashion-MNIST models, its choice attacked by AutoAttack"),
    ["sequential"] = (SequentialBench.Run, "inputs that a verdict takes: early, by all rows, and on simulated gates"),
    ["strength"] = (StrengthBench.Run, "attacks beside plain loops on the same rows from the same starts"),
    ["train"] = (TrainBench.Run, "trains a residual network or a VGG on Fashion-MNIST, for the other benchmarks"),
    ["models"] = (
        ModelBench.Run,
        "rows per second of three models: the rebuilt graph, the same network by hand, ONNX Runtime"
    ),
};

if (args.Length > 0 && !args.Contains("--help") && benchmarks.TryGetValue(args[0], out var chosen))
    return chosen.Run(args[1..]);
Console.Error.WriteLine(
    "usage: dotnet run -c Release --project eng/bench -- NAME [OPTIONS]; the head of each file has its options"
);
foreach (var (name, (_, summary)) in benchmarks)
    Console.Error.WriteLine($"  {name, -12} {summary}");
return 2;
