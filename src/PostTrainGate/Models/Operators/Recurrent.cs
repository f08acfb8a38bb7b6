using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// LSTM, GRU and RNN: one step after the other, forward, backward or both.
internal static partial class Operators
{
    // What one direction computes with. Weights [gates * hidden, ...] hold the gates one after another.
    private sealed record Direction(
        Tensor Recurrence,
        Tensor? Bias,
        Tensor? Peepholes,
        Func<Tensor, Tensor>[] Functions
    );

    // Next states from what the input contributes to the gates, [batch, gates * hidden], and the states before; the
    // first is the output.
    private delegate Tensor[] Advance(Tensor input, Tensor[] states, Direction with);

    private static readonly Dictionary<string, Func<Tensor, Tensor>> GateFunctions = new(
        StringComparer.OrdinalIgnoreCase
    )
    {
        ["Sigmoid"] = sigmoid,
        ["Tanh"] = tanh,
        ["Relu"] = x => x.relu(),
        ["Softsign"] = x => x / x.abs().Plus(1),
        ["Softplus"] = x => nn.functional.softplus(x),
    };

    private static Kernel Lstm(OnnxNode node)
    {
        if (node.Flag("input_forget"))
            throw node.Refuse("attribute 'input_forget' is set");
        return Recurrent(node, 4, ["Sigmoid", "Tanh", "Tanh"], 2, (input, states, with) =>
        {
            var (hidden, cell) = (states[0], states[1]);
            var gates = input.Plus(Project(hidden, with.Recurrence, with.Bias)).chunk(4, -1);
            var peep = with.Peepholes?.chunk(3);
            var (f, g, h) = (with.Functions[0], with.Functions[1], with.Functions[2]);
            var next = f(Peep(gates[2], 2, cell)) * cell + f(Peep(gates[0], 0, cell)) * g(gates[3]);
            return [f(Peep(gates[1], 1, next)) * h(next), next];

            Tensor Peep(Tensor gate, int i, Tensor at) => peep is null ? gate : gate + peep[i] * at;
        });
    }

    private static Kernel Gru(OnnxNode node)
    {
        var linear = node.Flag("linear_before_reset");
        return Recurrent(node, 3, ["Sigmoid", "Tanh"], 1, (input, states, with) =>
        {
            var (hidden, size) = (states[0], states[0].shape[1]);
            var (f, g) = (with.Functions[0], with.Functions[1]);
            var (own, bias) = (input.split([2 * size, size], -1), with.Bias?.split([2 * size, size]));
            var weights = with.Recurrence.split([2 * size, size]);
            var gates = f(own[0].Plus(Project(hidden, weights[0], bias?[0]))).chunk(2, -1);
            var (update, reset) = (gates[0], gates[1]);
            var candidate = g(
                own[1]
                    + (
                        linear
                            ? reset * Project(hidden, weights[1], bias?[1])
                            : Project(reset * hidden, weights[1], bias?[1])
                    )
            );
            return [candidate + update * (hidden - candidate)];
        });
    }

    private static Kernel Rnn(OnnxNode node) =>
        Recurrent(node, 1, ["Tanh"], 1, (input, states, with) =>
            [with.Functions[0](input.Plus(Project(states[0], with.Recurrence, with.Bias)))]
        );

    private static Tensor Project(Tensor x, Tensor weight, Tensor? bias) => nn.functional.linear(x, weight, bias);

    private static Kernel Recurrent(OnnxNode node, int gates, string[] usual, int states, Advance advance)
    {
        var (x, w, r) = (node.Input(0), node.Input(1), node.Input(2));
        var (bias, lengths, peepholes) = (node.Optional(3), node.Optional(4), node.Optional(7));
        int[] first = [.. Enumerable.Range(5, states).Select(node.Optional)];
        var batchFirst = node.Flag("layout");
        bool[] backward = node.Text("direction", "forward") switch
        {
            "forward" => [false],
            "reverse" => [true],
            "bidirectional" => [false, true],
            var other => throw node.Refuse($"attribute 'direction' is {Wording.Quote(other)}"),
        };
        node.Int("hidden_size", 0); // the weights have it
        var names = node.Texts("activations") ?? [.. backward.SelectMany(_ => usual)];
        if (names.Length != backward.Length * usual.Length)
            throw node.Refuse("attribute 'activations' does not name a function for each gate");
        var functions = names
            .Select(n =>
                GateFunctions.GetValueOrDefault(n)
                ?? throw node.Refuse($"attribute 'activations' names {Wording.Quote(n)}")
            )
            .Chunk(usual.Length)
            .ToArray();
        for (var i = 0; i < states; i++)
        {
            var state = i;
            node.Also(i + 1, v => stack([.. backward.Select((_, d) => Run(v, d).Last[state])], batchFirst ? 1 : 0));
        }

        // [time, directions, batch, hidden], or [batch, time, directions, hidden].
        return v =>
        {
            Tensor[] all = [.. backward.Select((_, d) => Run(v, d).All)];
            return batchFirst ? stack(all, 2).transpose(0, 1) : stack(all, 1);
        };

        (Tensor All, Tensor[] Last) Run(Tensor[] v, int d)
        {
            var data = batchFirst ? v[x].transpose(0, 1) : v[x];
            var (time, batch, hidden) = (data.shape[0], data.shape[1], v[r].shape[2]);
            node.Fit(v, time, batch, gates * hidden);
            var until = lengths < 0 ? null : v[lengths];
            if (backward[d])
                data = Turned(data, until);
            var biases = bias < 0 ? null : v[bias].select(0, d).chunk(2);
            var with = new Direction(
                v[r].select(0, d),
                biases?[1],
                peepholes < 0 ? null : v[peepholes].select(0, d),
                functions[d]
            );
            var input = Project(data, v[w].select(0, d), biases?[0]).unbind(0);
            Tensor[] now =
            [
                .. first.Select(slot =>
                    slot < 0
                        ? zeros([batch, hidden], dtype: data.dtype).On(data)
                        : node.Rowwise(v, v[slot].select(batchFirst ? 1 : 0, d), batch)
                ),
            ];
            var outputs = new Tensor[time];
            for (var t = 0; t < time; t++)
            {
                var next = advance(input[t], now, with);
                var going = until?.gt(Scalars.Whole(t)).unsqueeze(1);
                outputs[t] = going is null ? next[0] : where(going, next[0], zeros_like(next[0]));
                now = going is null ? next : [.. next.Zip(now, (n, before) => where(going, n, before))];
            }

            var all = stack(outputs, 0);
            return (backward[d] ? Turned(all, until) : all, now);
        }
    }

    private static Tensor Turned(Tensor x, Tensor? lengths) => lengths is null ? x.flip(0) : Reversed(x, lengths);
}
