using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Policy;
using PostTrainGate.Reading;
using Xunit;

namespace PostTrainGate.Tests;

public sealed class PolicyReaderTests : IDisposable
{
    private readonly PolicyFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_smallest_policy_takes_the_defaults_of_its_records()
    {
        var (policy, diagnostics) = _folder.Read(PolicyFolder.Minimal);
        Assert.Empty(diagnostics);
        Assert.Equal(_folder.Yml, policy!.File);
        Assert.Equal(_folder.Folder, policy.Folder);
        Assert.Equal(
            ("models/credit.onnx", _folder.In("models/credit.onnx"), At(2, 8)),
            (policy.Model!.Text, policy.Model.FullPath, policy.Model.Position)
        );
        Assert.Equal([_folder.In("models/credit.onnx")], policy.Model.Files);
        Assert.Equal("good", policy.Data.Label);
        Assert.Equal(At(3, 1), policy.Data.Position);
        var gate = Assert.Single(policy.Gates);
        Assert.Equal(("accuracy", 0.7, null, null), (gate.Metric.Name, gate.Min, gate.Max, gate.Drop));
        Assert.Equal(At(5, 5), gate.Position);

        var plain = new GatePolicy
        {
            File = "",
            Folder = "",
            Model = policy.Model,
            Data = new() { Source = policy.Data.Source },
            Gates = [],
        };
        Assert.Equal((plain.Seed, plain.Confidence, plain.When), (policy.Seed, policy.Confidence, policy.When));
        Assert.Equal(plain.Input, policy.Input);
        Assert.Equal(plain.Data.Splits, policy.Data.Splits);
        Assert.Equal(plain.Data.Features, policy.Data.Features);
        Assert.Equal(plain.Repair, policy.Repair! with { Methods = [] });
        Assert.Equal(plain.Report.Folder, policy.Report.Folder);
        Assert.Equal(["json", "markdown", "badge"], policy.Report.Writers.Select(w => w.Name));
        Assert.Empty(policy.Groups);
    }

    [Fact]
    public void Every_key_arrives_where_it_belongs()
    {
        var (policy, diagnostics) = _folder.Read(
            """
            version: 1
            seed: 7
            model: models/credit.onnx
            data:
              source: data/*.csv
              label: good
              classes: [0, "1"]
              favorable: 1
              features: { only: [age, sex], except: [id], scale: minmax }
              splits: { repair: 0.4, select: 1/5, test: 35% }
            input: { bounds: [-1, 1], scale: 1/255, mean: [0.5, .5], std: [25%, 1e-1] }
            groups:
              sex: { column: sex, privileged: male }
              race: { column: race }
              age: { where: "age >= 25" }
              both: { cross: [sex, age] }
            gates:
              - accuracy: { min: 72%, drop: 0.01 }
              - statistical_parity_difference: { group: both, max: 0.1 }
              - disparate_impact:
                  group: race
                  min: 4/5
              - robust_accuracy: {
                  attack: pgd, norm: l2, epsilon: 8/255, steps: 40, step_size: 1/100, restarts: 3,
                  random_start: false, samples: 500, min: 0.4 }
              - robust_accuracy: { attack: fgsm, epsilon: 0.1, drop: 2% }
            confidence: 99%
            when: { inconclusive: fail, not_measured: warn }
            repair:
              methods: [adversarial, fmt]
              snapshots: models/history/*.onnx
              max_accuracy_drop: 3%
              time_limit: 1h30m
              output: models/credit.repaired.onnx
            report: { html: true, sarif: false, json: true, folder: out/report }
            """
        );
        Assert.Empty(diagnostics);
        Assert.Equal(7, policy!.Seed);
        Assert.Equal([_folder.In("data/german.csv"), _folder.In("data/part-1.csv")], policy.Data.Source.Files);
        Assert.Equal(_folder.In("data/*.csv"), policy.Data.Source.FullPath);
        Assert.Equal(["0", "1"], policy.Data.Classes);
        Assert.Equal("1", policy.Data.Favorable);
        Assert.Equal(["age", "sex"], policy.Data.Features.Only);
        Assert.Equal(["id"], policy.Data.Features.Except);
        Assert.Equal(Scaling.MinMax, policy.Data.Features.Scale);
        Assert.Equal(new SplitPolicy(0.4, 0.2, 0.35, At(10, 3)), policy.Data.Splits);
        Assert.Equal(
            (-1.0, 1.0, 1.0 / 255, true),
            (policy.Input.Lower, policy.Input.Upper, policy.Input.Scale, policy.Input.BoundsGiven)
        );
        Assert.Equal([0.5, 0.5], policy.Input.Mean);
        Assert.Equal([0.25, 0.1], policy.Input.Std);
        Assert.Equal(["sex", "race", "age", "both"], policy.Groups.Select(g => g.Name));
        Assert.Equal(
            ("sex", "male", null),
            (policy.Groups[0].Column, policy.Groups[0].Privileged, policy.Groups[0].Where)
        );
        Assert.Null(policy.Groups[1].Privileged);
        Assert.Equal("age >= 25", policy.Groups[2].Where);
        Assert.Equal(["sex", "age"], policy.Groups[3].Cross);
        Assert.Equal(At(16, 3), policy.Groups[3].Position);
        Assert.Equal((0.72, 0.01), (policy.Gates[0].Min, policy.Gates[0].Drop));
        Assert.Equal(("both", 0.1), (policy.Gates[1].Group, policy.Gates[1].Max));
        Assert.Equal(("race", 0.8), (policy.Gates[2].Group, policy.Gates[2].Min));
        Assert.Equal(At(20, 5), policy.Gates[2].Position);
        Assert.Equal(
            new AttackSettings(PolicyFolder.Names.Attacks[1], Norm.L2, 8.0 / 255)
            {
                Steps = 40,
                StepSize = 0.01,
                Restarts = 3,
                RandomStart = false,
            },
            policy.Gates[3].Attack
        );
        Assert.Equal(500, policy.Gates[3].Samples);
        Assert.Equal(new AttackSettings(PolicyFolder.Names.Attacks[0], Norm.Linf, 0.1), policy.Gates[4].Attack);
        Assert.Equal(0.99, policy.Confidence);
        Assert.Equal(new OutcomePolicy(Outcome.Fail, Outcome.Warn), policy.When);
        Assert.Equal(["adversarial", "fmt"], policy.Repair!.Methods.Select(r => r.Name));
        Assert.Equal(
            [_folder.In("models/history/epoch-1.onnx"), _folder.In("models/history/epoch-2.onnx")],
            policy.Repair.Snapshots!.Files
        );
        Assert.Equal((0.03, TimeSpan.FromMinutes(90)), (policy.Repair.MaxAccuracyDrop, policy.Repair.TimeLimit));
        Assert.Equal(_folder.In("models/credit.repaired.onnx"), policy.Repair.Output!.FullPath);
        Assert.Equal(["json", "markdown", "html", "badge"], policy.Report.Writers.Select(w => w.Name));
        Assert.Equal("out/report", policy.Report.Folder);
    }

    [Fact]
    public void Repair_can_be_turned_off() =>
        Assert.Null(_folder.Read(PolicyFolder.Minimal + "\nrepair: false").Policy!.Repair);

    [Fact]
    public void A_folder_stands_for_the_policy_in_it()
    {
        _folder.Read(PolicyFolder.Minimal);
        Assert.Equal(_folder.Yml, PolicyReader.Read(_folder.Folder, PolicyFolder.Names).Policy!.File);
    }

    [Fact]
    public void A_policy_that_is_not_there_is_one_diagnostic()
    {
        var diagnostic = Assert.Single(PolicyReader.Read(_folder.In("none.yml")).Diagnostics);
        Assert.Equal(DiagnosticCodes.PolicyUnreadable, diagnostic.Code);
        Assert.Equal(new SourcePosition(_folder.In("none.yml"), 0, 0), diagnostic.Position);
    }

    private SourcePosition At(int line, int column) => new(_folder.Yml, line, column);
}
