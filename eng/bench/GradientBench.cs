using System.Diagnostics;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// One full input-gradient pass of a convolutional network over batches, the unit that every attack is made of: the rebuilt graph
/// and a hand-written module with the same weights, interleaved in one process. <c>--pool</c> runs on a thread of the pool;
/// <c>GLIBC_TUNABLES=glibc.malloc.check=0</c> in the environment leaves the allocator as it is.
/// </summary>
internal static class GradientBench
{
    public static int Run(string[] args)
    {
        var tuned = NativeMemory.Tune();
        var file = args.FirstOrDefault(a => a.EndsWith(".onnx", StringComparison.Ordinal)) ?? "../shared/fixtures/fmnist/cnn.onnx";
        return args.Contains("--pool") ? Task.Run(() => Measure(file, tuned)).Result : Measure(file, tuned);
    }

    private static int Measure(string file, bool tuned)
    {
        const int batch = 250, passes = 40;
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(file);
        var w = model.Parameters.ToDictionary(p => p.Key, p => p.Value);
        var x = rand([batch, .. model.InputShape], generator: new Generator(1));
        var y = zeros(batch, dtype: ScalarType.Int64);

        Tensor ByHand(Tensor input)
        {
            using var inner = NewDisposeScope();
            var h = nn.functional.conv2d(input, w["0.weight"], w["0.bias"], padding: [1, 1]).relu();
            h = nn.functional.max_pool2d(h, [2L, 2]);
            h = nn.functional.conv2d(h, w["3.weight"], w["3.bias"], padding: [1, 1]).relu();
            h = nn.functional.max_pool2d(h, [2L, 2]).flatten(1);
            h = nn.functional.linear(h, w["7.weight"], w["7.bias"]).relu();
            return nn.functional.linear(h, w["9.weight"], w["9.bias"]).MoveToOuterDisposeScope();
        }

        double Pass(Func<Tensor, Tensor> forward)
        {
            var clock = Stopwatch.StartNew();
            using var inner = NewDisposeScope();
            var input = x.detach().requires_grad_();
            var loss = nn.functional.cross_entropy(forward(input), y, reduction: nn.Reduction.Sum);
            _ = autograd.grad([loss], [input])[0];
            return clock.Elapsed.TotalMilliseconds;
        }

        var difference = (ByHand(x) - model.Logits(x)).abs().max().item<float>();
        for (var i = 0; i < 5; i++) _ = Pass(ByHand) + Pass(model.Logits);
        List<double> hand = [], graph = [];
        var before = Environment.CpuUsage;
        for (var i = 0; i < passes; i++)
        {
            hand.Add(Pass(ByHand));
            graph.Add(Pass(model.Logits));
        }

        var cpu = Environment.CpuUsage;
        var (user, system) = ((cpu.UserTime - before.UserTime) / (2 * passes), (cpu.PrivilegedTime - before.PrivilegedTime) / (2 * passes));
        var (a, b) = (Median(hand), Median(graph));
        Console.WriteLine($"threads {get_num_threads()}, batch {batch}, allocator {(tuned ? "tuned" : "default")}, largest difference {difference:G2}");
        Console.WriteLine($"by hand {a:F2} ms, rebuilt {b:F2} ms a pass (medians of {passes}); ratio {b / a:F3}");
        Console.WriteLine($"processor time a pass: {user.TotalMilliseconds:F1} ms, and {system.TotalMilliseconds:F1} ms in the kernel");
        return 0;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
