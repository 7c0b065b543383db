import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import { App } from './parts/App';
import { session } from './session';
import './style.css';
import './fleet/style.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
session.start();
