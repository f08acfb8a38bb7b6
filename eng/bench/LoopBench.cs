using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using PostTrainGate.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// What the usual loops of adversarial training make of the same weights over a module by hand, with as many passes as
/// a tournament of so many seconds has: FGSM from a random start (Wong et al. 2020) and PGD of seven steps (Madry et
/// al. 2018), reported on the rows of <see cref="RobustBench"/>. <c>loops [cnn] [lenet5] [--residual FILE] [--vgg FILE]
/// [--epsilon 0.1] [--seconds 720] [--rates 0.05,0.01] [--steps 1,7] [--attack autoattack] [--attacked 300]</c>.
/// </summary>
internal static class LoopBench
{
    private const int Batch = 128;
    private const double Momentum = 0.9,
        WeightDecay = 5e-4,
        WarmUp = 0.4; // of the cycle that the learning rate goes through

    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        NativeMemory.Tune();
        var rates = (Options.Text(args, "--rates") ?? "0.05,0.01").Split(',').Select(double.Parse).ToArray();
        var attacks = (Options.Text(args, "--steps") ?? "1,7").Split(',').Select(int.Parse).ToArray();
        foreach (var name in args.Where(a => a is "cnn" or "lenet5"))
            All(FixtureFolder.Path($"fmnist/{name}.onnx"), (w, x, _) => ModelBench.Network(name)(w, x));
        if (Options.Text(args, "--residual") is { } residual)
            All(residual, ResidualNetwork.Forward);
        if (Options.Text(args, "--vgg") is { } vgg)
            All(vgg, VggNetwork.Forward);
        return 0;

        void All(string path, HandNetwork network)
        {
            foreach (var steps in attacks)
            foreach (var rate in rates)
                One(args, path, network, steps, rate);
        }
    }

    private static void One(string[] args, string path, HandNetwork network, int attackSteps, double rate)
    {
        using var model = OnnxClassifier.Load(path);
        using var train = FashionMnist.Train();
        using var test = FashionMnist.Test();
        using var reported = test.Rows(0, test.Count - RobustBench.SelectRows);
        var epsilon = Options.Number(args, "--epsilon") ?? 0.1;
        // Forward and backward: of each attack step, and of the step along the weights.
        var steps = TuningCost
            .Measure(model, train.Inputs)
            .Steps(Options.Number(args, "--seconds") ?? 720, 3 * attackSteps + 3, Batch, train.Count);
        var clock = Stopwatch.StartNew();
        Train(model, network, train, new(epsilon, attackSteps, rate, steps));
        var who = attackSteps == 1 ? "fgsm-rs" : $"pgd-{attackSteps}";
        RobustBench.Report(
            $"{Path.GetFileNameWithoutExtension(path)} {who} lr {rate}, {steps} steps, "
                + $"{clock.Elapsed.TotalSeconds:F0} s",
            model,
            reported,
            RobustBench.Gate(args, epsilon),
            Options.Count(args, "--attacked") ?? 300
        );
    }

    private sealed record Course(double Epsilon, int AttackSteps, double Rate, int Steps)
    {
        // Wong's step leads beyond the ball from most starts; Madry's reach its far side.
        public double StepSize => AttackSteps == 1 ? 1.25 * Epsilon : 2.5 * Epsilon / AttackSteps;

        public double RateAt(int step)
        {
            var done = step / (double)Steps;
            return Rate * (done < WarmUp ? done / WarmUp : (1 - done) / (1 - WarmUp));
        }
    }

    private static void Train(OnnxClassifier model, HandNetwork network, EvaluationSet train, Course course)
    {
        using var scope = NewDisposeScope();
        var weights = model.Parameters.ToDictionary(p => p.Key, p => Trainable(p.Key, p.Value));
        using var sgd = optim.SGD(weights.Values.OfType<Parameter>(), course.Rate, Momentum, weight_decay: WeightDecay);
        using var random = new Generator(1);
        foreach (var (step, rows) in HandTraining.Batches(train.Count, Batch).Take(course.Steps).Index())
        {
            using var inner = NewDisposeScope();
            var index = tensor(rows);
            var (x, y) = (train.Inputs.index_select(0, index), train.Labels.index_select(0, index));
            var attacked = Attack(z => network(n => weights[n], z, true), x, y, course, random);
            foreach (var group in sgd.ParamGroups)
                group.LearningRate = course.RateAt(step);
            sgd.zero_grad();
            nn.functional.cross_entropy(network(n => weights[n], attacked, true), y).backward();
            sgd.step();
        }

        HandTraining.Give(weights, model);
    }

    private static Tensor Attack(Func<Tensor, Tensor> logits, Tensor x, Tensor y, Course course, Generator random)
    {
        var change = rand(x.shape, generator: random) * (2 * course.Epsilon) - course.Epsilon;
        for (var i = 0; i < course.AttackSteps; i++)
        {
            var z = (x + change).clamp(0, 1).requires_grad_();
            var slope = autograd.grad([nn.functional.cross_entropy(logits(z), y)], [z])[0];
            change = (z.detach() - x + course.StepSize * slope.sign()).clamp(-course.Epsilon, course.Epsilon);
        }

        return (x + change).clamp(0, 1).detach();
    }

    // The moments of a normalization follow the batches; all else is trained.
    private static Tensor Trainable(string name, Tensor value) =>
        name.Split('.')[^1] is "mean" or "variance" ? value.detach().clone() : new Parameter(value.detach().clone());
}
