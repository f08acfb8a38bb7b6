using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Rows per second of three models of the fixtures and a residual network: a forward pass, and a forward pass with the
/// gradient of the loss by the input, the unit that every attack is made of. The rebuilt graph, a module written by
/// hand with the same weights, and ONNX Runtime (forward), interleaved in one process with the same number of threads;
/// and the share of rows whose gradient of the first logit is off by more than 1 % of that in double precision.
/// <c>GLIBC_TUNABLES=glibc.malloc.check=0</c> in the environment leaves the allocator as it is. Options: parts of model
/// names, <c>--batch 1,8,64,250</c>, <c>--threads N</c>.
/// </summary>
internal static class ModelBench
{
    private const int Passes = 40;

    // weights by name, input -> output of the file
    private static readonly (string File, Func<Func<string, Tensor>, Tensor, Tensor> ByHand)[] Models =
    [
        ("fmnist/cnn.onnx", (w, x) =>
        {
            var h = nn.functional.max_pool2d(
                nn.functional.conv2d(x, w("0.weight"), w("0.bias"), padding: [1, 1]).relu(),
                [2L, 2]
            );
            h = nn.functional.max_pool2d(
                nn.functional.conv2d(h, w("3.weight"), w("3.bias"), padding: [1, 1]).relu(),
                [2L, 2]
            );
            return Dense(w, h.flatten(1), 7, 9);
        }),
        ("fmnist/lenet5.onnx", (w, x) =>
        {
            var h = nn.functional.avg_pool2d(
                nn.functional.conv2d(x, w("0.weight"), w("0.bias"), padding: [2, 2]).relu(),
                [2L, 2]
            );
            h = nn.functional.avg_pool2d(nn.functional.conv2d(h, w("3.weight"), w("3.bias")).relu(), [2L, 2]);
            return Dense(w, h.flatten(1), 7, 9, 11);
        }),
        ("fairness/adult_mlp.onnx", (w, x) => Dense(w, x, 0, 2, 4, 6, 8, 10)),
    ];

    public static int Run(string[] args)
    {
        var tuned = NativeMemory.Tune();
        set_num_threads(Options.Count(args, "--threads") ?? get_num_threads());
        var batches = (Options.Text(args, "--batch") ?? "1,8,64,250").Split(',').Select(int.Parse).ToArray();
        string[] names = [.. args.Where(a => char.IsLetter(a[0]))];
        Console.WriteLine(
            $"threads {get_num_threads()}, allocator {(tuned ? "tuned" : "default")}, medians of {Passes} passes"
        );
        Console.WriteLine(
            $"{"model", -12}{"rows", -6}{"pass", -20}{"rebuilt", 12}{"by hand", 12}{"ONNX Runtime", 14}   rows/s; time rebuilt / "
                + "by hand, / ONNX Runtime"
        );
        var residual = Path.Combine(Path.GetTempPath(), $"residual-{Environment.ProcessId}.onnx");
        ResidualNetwork.Write(residual);
        try
        {
            foreach (
                var (file, byHand) in Models
                    .Select(m => (FixtureFolder.Path(m.File), m.ByHand))
                    .Append((residual, ResidualNetwork.ByHand))
            )
                if (names.Length == 0 || names.Any(a => file.Contains(a, StringComparison.Ordinal)))
                    foreach (var batch in batches)
                        Measure(file, byHand, batch);
            return 0;
        }
        finally
        {
            File.Delete(residual);
        }
    }

    /// <summary>The network of a fixture, such as <c>cnn</c>, as a module by hand with the model's weights.</summary>
    public static Func<Tensor, Tensor> ByHand(OnnxClassifier model, string file) => ByHand(model, Network(file));

    /// <summary>The network of a fixture by hand, which asks for its weights by name.</summary>
    public static Func<Func<string, Tensor>, Tensor, Tensor> Network(string file) =>
        Models.Single(m => m.File.EndsWith($"/{file}.onnx", StringComparison.Ordinal)).ByHand;

    /// <summary>A network by hand, which asks for its weights by name, with the model's.</summary>
    public static Func<Tensor, Tensor> ByHand(
        OnnxClassifier model,
        Func<Func<string, Tensor>, Tensor, Tensor> network
    ) =>
        x =>
        {
            using var scope = NewDisposeScope();
            return network(name => model.Parameters[name], x).MoveToOuterDisposeScope();
        };

    private static void Measure(string path, Func<Func<string, Tensor>, Tensor, Tensor> byHand, int batch)
    {
        using var scope = NewDisposeScope();
        var file = Path.GetFileNameWithoutExtension(path).Split('-')[0];
        using var model = OnnxClassifier.Load(path);
        using var settings = new SessionOptions { IntraOpNumThreads = get_num_threads() };
        // its idle threads would slow down the pass after it
        settings.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        using var session = new InferenceSession(path, settings);
        var x = rand([batch, .. model.InputShape], generator: new Generator(1));
        var y = zeros(batch, dtype: ScalarType.Int64);
        var hand = ByHand(model, byHand);
        if (!allclose(hand(x).softmax(1), model.Logits(x).softmax(1), rtol: 1e-4, atol: 1e-4))
            throw new InvalidOperationException($"the module by hand is not {file}");
        using var value = OrtValue.CreateTensorValueFromMemory(x.data<float>().ToArray(), x.shape);
        using var options = new RunOptions();
        var forward = Medians(() => Forward(model.Logits, x), () => Forward(hand, x));
        forward =
        [
            .. forward,
            .. Medians(() => session.Run(options, [session.InputNames[0]], [value], session.OutputNames).Dispose()),
        ];
        var gradient = Medians(() => Gradient(model.Logits, x, y).Dispose(), () => Gradient(hand, x, y).Dispose());
        Print(file, batch, "forward", forward);
        Print(file, batch, "forward + backward", gradient);
        // On some processors libtorch's convolutions give wrong gradients for some numbers of channels; what the
        // rebuild does about it costs time.
        var right = Slope(z => byHand(name => model.Parameters[name].to(float64), z), x.to(float64));
        double Wrong(Func<Tensor, Tensor> network) =>
            ((Slope(network, x) - right).flatten(1).norm(1) > right.flatten(1).norm(1) * 0.01)
                .to(float64)
                .mean()
                .item<double>();
        Console.WriteLine($"{"", -18}{"wrong gradients", -20}{Wrong(model.Logits), 12:P1}{Wrong(hand), 12:P1}");
    }

    private static void Forward(Func<Tensor, Tensor> network, Tensor x)
    {
        using var _ = no_grad();
        network(x).Dispose();
    }

    private static Tensor Slope(Func<Tensor, Tensor> network, Tensor x)
    {
        var input = x.detach().requires_grad_();
        return autograd.grad([network(input).select(1, 0).sum()], [input])[0].to(float64);
    }

    private static Tensor Gradient(Func<Tensor, Tensor> network, Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var input = x.detach().requires_grad_();
        var loss = nn.functional.cross_entropy(network(input), y, reduction: nn.Reduction.Sum);
        return autograd.grad([loss], [input])[0].MoveToOuterDisposeScope();
    }

    /// <summary>Median seconds of each way; interleaved, so that whatever the machine does meets all of them.</summary>
    public static double[] Medians(params Action[] ways)
    {
        var seconds = ways.Select(_ => new List<double>()).ToArray();
        for (var pass = -5; pass < Passes; pass++)
        {
            for (var i = 0; i < ways.Length; i++)
            {
                var clock = Stopwatch.StartNew();
                ways[i]();
                if (pass >= 0)
                    seconds[i].Add(clock.Elapsed.TotalSeconds);
            }
        }

        return [.. seconds.Select(s => s.Order().ElementAt(s.Count / 2))];
    }

    private static void Print(string file, int batch, string pass, double[] seconds)
    {
        var rates = string.Concat(
            seconds.Select((s, i) => (batch / s).ToString("N0", CultureInfo.InvariantCulture).PadLeft(i == 2 ? 14 : 12))
        );
        var ratios = string.Join(
            "   ",
            seconds[1..].Select(s => (seconds[0] / s).ToString("F3", CultureInfo.InvariantCulture))
        );
        Console.WriteLine($"{file, -12}{batch, -6}{pass, -20}{rates.PadRight(38)}   {ratios}");
    }

    // Dense layers by number, ReLU between them.
    private static Tensor Dense(Func<string, Tensor> w, Tensor x, params ReadOnlySpan<int> layers)
    {
        for (var i = 0; i < layers.Length; i++)
        {
            x = nn.functional.linear(i == 0 ? x : x.relu(), w($"{layers[i]}.weight"), w($"{layers[i]}.bias"));
        }

        return x;
    }
}
